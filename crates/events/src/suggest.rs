//! What was meant by a name that does not exist: for every "did you mean" of every crate.

/// The candidate that `found` was probably meant to be: the nearest one, where it is near enough to be a slip. That is
/// one edit in names of up to four characters, two up to eight, then three; the longer of both names counts.
pub fn closest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = folded(found);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let known = folded(candidate);
            let allowed = match found.len().max(known.len()) {
                0..=4 => 1,
                5..=8 => 2,
                _ => 3,
            };
            if found.len().abs_diff(known.len()) > allowed {
                return None;
            }
            let edits = distance(&found, &known);
            // A name of which nothing is left was not meant.
            (edits <= allowed && edits < known.len()).then_some((edits, candidate))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// The characters that count: case and `-` against `_` are no edits.
fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// How many characters have to be put in, taken out, replaced or swapped with their neighbour.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(right.len() + 1);
        current.push(row + 1);
        for (column, b) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(a != b);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && left[row - 1] == *b && right[column - 1] == *a {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_in_characters() {
        for (left, right, edits) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("ab", "ba", 1), ("läng", "lang", 1)]
        {
            assert_eq!(distance(&folded(left), &folded(right)), edits, "{left} {right}");
        }
    }

    #[test]
    fn a_slip_is_told_from_another_word() {
        let fields = &["reason", "reason_code", "clientid", "qos"][..];
        let options = &["topic", "payload", "qos", "retain", "user_properties", "timeout_ms"][..];
        let accesses = &["read", "write", "readwrite", "deny"][..];
        for (known, found, expected) in [
            (fields, "reson", Some("reason")),
            (fields, "raeson", Some("reason")),
            (fields, "client_id", Some("clientid")),
            (fields, "QOS", Some("qos")),
            (fields, "payload", None),
            (fields, "x", None),
            (fields, "", None),
            (options, "topci", Some("topic")),
            (options, "Payload", Some("payload")),
            (options, "user-properties", Some("user_properties")),
            (options, "timeout", Some("timeout_ms")),
            (options, "url", None),
            (accesses, "raed", Some("read")),
            (accesses, "readwrit", Some("readwrite")),
            (accesses, "rxyd", None),
            (accesses, "zebra", None),
            (&["a", "É"], "b", None),
            (&["a", "É"], "é", Some("É")),
        ] {
            assert_eq!(closest(found, known.iter().copied()), expected, "{found}");
        }
    }
}
