//! The rows that were expected beside those that were found.

use std::fmt;

use events::{Map, Value};

/// Rows are aligned by what they hold up to this many comparisons; beyond, by their order.
const COMPARISONS_MAX: usize = 1_000_000;

/// Something that differs from what was expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// It cannot be told by rows: the rule failed, or did not fail.
    Told(String),
    /// A row that has other values.
    Row {
        /// Which of the rows that were found, from 1.
        number: usize,
        /// Whether it is the only row.
        is_only: bool,
        /// Its fields: those that were expected, in their order, then those that were not where they count.
        fields: Vec<FieldComparison>,
    },
    /// A row that is not there.
    Missing {
        /// Which of the rows that were expected, from 1.
        number: usize,
        /// What it should hold.
        row: Map,
    },
    /// A row that was not expected.
    Extra {
        /// Which of the rows that were found, from 1.
        number: usize,
        /// What it holds.
        row: Map,
    },
}

/// A field of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldComparison {
    /// Its name, with those of the maps around it: `flags.retain`.
    pub path: String,
    /// What was expected; `None` where it should not be there.
    pub expected: Option<Value>,
    /// What was found; `None` where it is not there.
    pub found: Option<Value>,
    /// Whether that is right.
    pub is_same: bool,
}

/// One line of what differs.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Told(text) => f.write_str(text),
            Difference::Row { number, is_only, fields } => {
                for (at, field) in fields.iter().filter(|field| !field.is_same).enumerate() {
                    if at > 0 {
                        f.write_str("; ")?;
                    }
                    if !is_only {
                        write!(f, "row {number}, ")?;
                    }
                    let shown =
                        |value: &Option<Value>| value.as_ref().map_or_else(|| "no such field".into(), Value::to_json);
                    write!(f, "`{}`: expected {}, found {}", field.path, shown(&field.expected), shown(&field.found))?;
                }
                Ok(())
            }
            Difference::Missing { number, row } => write!(f, "expected row {number} is missing: {}", row.to_json()),
            Difference::Extra { number, row } => write!(f, "row {number} was not expected: {}", row.to_json()),
        }
    }
}

/// Everything in which `found` is not what was expected. Where it has to be exact, no field may be there that is not
/// expected, and an integer is no float.
pub(super) fn compare(expected: &[Map], found: &[Map], is_exact: bool) -> Vec<Difference> {
    let mut differences = Vec::new();
    for pair in aligned(expected, found, is_exact) {
        match pair {
            (Some(wanted), Some(at)) => {
                let fields = fields(expected.get(wanted), found.get(at), is_exact);
                if fields.iter().any(|field| !field.is_same) {
                    let is_only = expected.len() == 1 && found.len() == 1;
                    differences.push(Difference::Row { number: at + 1, is_only, fields });
                }
            }
            (Some(at), None) => {
                differences.extend(expected.get(at).map(|row| Difference::Missing { number: at + 1, row: row.clone() }))
            }
            (None, Some(at)) => {
                differences.extend(found.get(at).map(|row| Difference::Extra { number: at + 1, row: row.clone() }))
            }
            (None, None) => {}
        }
    }
    differences
}

/// Which row belongs to which: as many of the same as there can be without changing their order; what stands between
/// them goes by its order.
fn aligned(expected: &[Map], found: &[Map], is_exact: bool) -> Vec<(Option<usize>, Option<usize>)> {
    let same = if expected.len() == found.len() || expected.len().saturating_mul(found.len()) > COMPARISONS_MAX {
        Vec::new()
    } else {
        longest_common(expected, found, |expected, found| is_same_map(expected, found, is_exact))
    };
    let mut pairs = Vec::new();
    let (mut wanted, mut at) = (0, 0);
    for (next_wanted, next_at) in same.into_iter().chain([(expected.len(), found.len())]) {
        while wanted < next_wanted || at < next_at {
            let left = (wanted < next_wanted).then_some(wanted);
            let right = (at < next_at).then_some(at);
            pairs.push((left, right));
            wanted += usize::from(left.is_some());
            at += usize::from(right.is_some());
        }
        if next_wanted < expected.len() && next_at < found.len() {
            pairs.push((Some(next_wanted), Some(next_at)));
        }
        (wanted, at) = (next_wanted + 1, next_at + 1);
    }
    pairs
}

/// The places of a longest common subsequence.
fn longest_common<T>(left: &[T], right: &[T], is_same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    // How long it is from these places on; the last row and column are 0.
    let mut lengths = vec![0_usize; (left.len() + 1) * width];
    let mut same = vec![false; lengths.len()];
    for (row, a) in left.iter().enumerate().rev() {
        for (column, b) in right.iter().enumerate().rev() {
            let here = row * width + column;
            same[here] = is_same(a, b);
            lengths[here] =
                if same[here] { lengths[here + width + 1] + 1 } else { lengths[here + width].max(lengths[here + 1]) };
        }
    }
    let (mut row, mut column, mut places) = (0, 0, Vec::new());
    while row < left.len() && column < right.len() {
        let here = row * width + column;
        if same[here] {
            places.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if lengths[here + width] >= lengths[here + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    places
}

fn fields(expected: Option<&Map>, found: Option<&Map>, is_exact: bool) -> Vec<FieldComparison> {
    let mut fields = Vec::new();
    if let (Some(expected), Some(found)) = (expected, found) {
        compare_maps("", expected, found, is_exact, &mut fields);
    }
    fields
}

fn is_same_map(expected: &Map, found: &Map, is_exact: bool) -> bool {
    fields(Some(expected), Some(found), is_exact).iter().all(|field| field.is_same)
}

/// Compares maps that `path` leads to.
fn compare_maps(path: &str, expected: &Map, found: &Map, is_exact: bool, fields: &mut Vec<FieldComparison>) {
    for (key, wanted) in expected.iter() {
        let value = found.get(key);
        let is_same = match (wanted, value) {
            (Value::Map(wanted), Some(Value::Map(value))) => {
                compare_maps(&format!("{path}{key}."), wanted, value, is_exact, fields);
                continue;
            }
            (wanted, Some(value)) => is_same(wanted, value, is_exact),
            (wanted, None) => wanted.is_null() && !is_exact,
        };
        let (expected, found) = (Some(wanted.clone()), value.cloned());
        fields.push(FieldComparison { path: format!("{path}{key}"), expected, found, is_same });
    }
    if is_exact {
        for (key, value) in found.iter().filter(|(key, _)| expected.get(key).is_none()) {
            let found = Some(value.clone());
            fields.push(FieldComparison { path: format!("{path}{key}"), expected: None, found, is_same: false });
        }
    }
}

/// Where not exact, 20 and 20.0 are the same.
#[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "a test names the number it means")]
fn is_same(wanted: &Value, found: &Value, is_exact: bool) -> bool {
    match (wanted, found) {
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) if !is_exact => {
            *int as f64 == *float
        }
        (wanted, found) => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(numbers: &[i64]) -> Vec<Map> {
        numbers.iter().map(|number| [("n".into(), Value::Int(*number))].into_iter().collect()).collect()
    }

    fn told(expected: &[i64], found: &[i64]) -> Vec<String> {
        compare(&rows(expected), &rows(found), false).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_row_that_is_missing_or_too_many_leaves_the_others_in_place() {
        assert_eq!(told(&[1, 2, 3], &[1, 3]), [r#"expected row 2 is missing: {"n":2}"#]);
        assert_eq!(
            told(&[1, 3], &[0, 1, 2, 3]),
            [r#"row 1 was not expected: {"n":0}"#, r#"row 3 was not expected: {"n":2}"#]
        );
        assert_eq!(told(&[1, 2], &[1, 5]), ["row 2, `n`: expected 2, found 5"]);
        assert_eq!(told(&[1], &[5]), ["`n`: expected 1, found 5"]);
        assert_eq!(
            told(&[7, 2, 3], &[8, 3]),
            ["row 1, `n`: expected 7, found 8", r#"expected row 2 is missing: {"n":2}"#]
        );
        assert_eq!(told(&[], &[1]), [r#"row 1 was not expected: {"n":1}"#]);
        assert!(told(&[1, 2], &[1, 2]).is_empty());
    }
}
