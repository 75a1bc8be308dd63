//! A set of numbers that are mostly in a row: a queue of millions takes a few entries.

use std::collections::BTreeMap;

/// Numbers, kept as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// The end of each range, exclusive, by its start. Ranges neither touch nor overlap.
    ranges: BTreeMap<u64, u64>,
    len: u64,
}

impl Numbers {
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.ranges.first_key_value().map(|(start, _)| *start)
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.ranges.range(..=number).next_back().is_some_and(|(_, end)| number < *end)
    }

    /// Adds `number`. False where it is there.
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        self.len += 1;
        let end = self.ranges.remove(&(number + 1)).unwrap_or(number + 1);
        match self.ranges.range_mut(..number).next_back() {
            Some((_, before)) if *before == number => *before = end,
            Some(_) | None => drop(self.ranges.insert(number, end)),
        }
        true
    }

    /// Takes `number` out. False where it is not there.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        let Some((&start, &end)) = self.ranges.range(..=number).next_back().filter(|(_, end)| number < **end) else {
            return false;
        };
        self.len -= 1;
        self.ranges.remove(&start);
        if start < number {
            self.ranges.insert(start, number);
        }
        if number + 1 < end {
            self.ranges.insert(number + 1, end);
        }
        true
    }

    /// Takes everything below `end` out, and says how much that was.
    pub(crate) fn remove_below(&mut self, end: u64) -> u64 {
        let before = self.len;
        let rest = self.ranges.split_off(&end);
        let cut = std::mem::replace(&mut self.ranges, rest);
        for (start, until) in cut {
            self.len -= until.min(end) - start;
            if until > end {
                self.ranges.insert(end, until);
            }
        }
        before - self.len
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_in_few_entries(calls in prop::collection::vec((0u8..5, 0u64..40), 0..200)) {
            let (mut numbers, mut model) = (Numbers::default(), BTreeSet::new());
            for (what, number) in calls {
                match what {
                    0..3 => prop_assert_eq!(numbers.insert(number), model.insert(number)),
                    3 => prop_assert_eq!(numbers.remove(number), model.remove(&number)),
                    _ => {
                        let kept = model.split_off(&number);
                        let removed = std::mem::replace(&mut model, kept);
                        prop_assert_eq!(numbers.remove_below(number), u64::try_from(removed.len()).unwrap());
                    }
                }
                prop_assert_eq!(numbers.len(), u64::try_from(model.len()).unwrap());
                prop_assert_eq!(numbers.first(), model.first().copied());
                prop_assert!((0..41).all(|number| numbers.contains(number) == model.contains(&number)));
                let gaps = model.iter().filter(|number| !model.contains(&(*number + 1))).count();
                prop_assert_eq!(numbers.ranges.len(), gaps);
            }
        }
    }
}
