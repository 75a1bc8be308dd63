//! Comparison: two-valued, with NULL equal only to NULL, numbers against the texts of numbers.

use std::cmp::Ordering;

use events::{Map, Value};
use num_bigint::BigInt;

use super::number::number_of_text;

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Whether `left op right` holds.
    pub(crate) fn holds(self, left: &Value, right: &Value) -> bool {
        if left.is_null() || right.is_null() {
            return self == Comparison::Equal && left.is_null() && right.is_null();
        }
        match self {
            Comparison::Equal => equal(left, right),
            Comparison::NotEqual => !equal(left, right),
            Comparison::Less => order(left, right) == Some(Ordering::Less),
            Comparison::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Comparison::Greater => order(left, right) == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
        }
    }

    /// The operator with its operands exchanged.
    pub(crate) const fn mirrored(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::Equal,
            Comparison::NotEqual => Comparison::NotEqual,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }
}

/// `=`: numbers by value, a number against the number that a text is, `true` and `false` against their texts.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Bool(flag), Value::Text(text)) | (Value::Text(text), Value::Bool(flag)) => {
            **text == *if *flag { "true" } else { "false" }
        }
        (Value::Text(text), number @ (Value::Int(_) | Value::BigInt(_) | Value::Float(_)))
        | (number @ (Value::Int(_) | Value::BigInt(_) | Value::Float(_)), Value::Text(text)) => {
            number_of_text(text).is_some_and(|of_text| same(&of_text, number))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => same(left, right),
    }
}

/// Equality without reading texts as numbers: `1` is `1.0`, `'1'` is not `1`. Inside lists and maps too.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => number_order(left, right).map_or_else(|| left == right, Ordering::is_eq),
    }
}

/// The same type and the same value: `1` is not `1.0`. Inside lists and maps too, in which order no key counts.
pub(crate) fn identical(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| identical(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| identical(value, other)))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => left == right,
    }
}

/// Order within a type, and of a number against the number that a text is; `None` between others.
pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Bytes(right)) => Some(left.as_bytes().cmp(right)),
        (Value::Bytes(left), Value::Text(right)) => Some((**left).cmp(right.as_bytes())),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Text(text), Value::Int(_) | Value::BigInt(_) | Value::Float(_)) => {
            number_order(&number_of_text(text)?, right)
        }
        (Value::Int(_) | Value::BigInt(_) | Value::Float(_), Value::Text(text)) => {
            number_order(left, &number_of_text(text)?)
        }
        (Value::List(left), Value::List(right)) => {
            Some(order_of_members(left.iter().zip(right.iter()))?.then(left.len().cmp(&right.len())))
        }
        (Value::Map(left), Value::Map(right)) => order_of_maps(left, right),
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => number_order(left, right),
    }
}

/// Maps are ordered by their size, then by their keys, then by the values of these, the keys being sorted.
fn order_of_maps(left: &Map, right: &Map) -> Option<Ordering> {
    let sorted = |map: &Map| {
        let mut keys: Vec<_> = map.iter().map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    };
    let by_size = left.len().cmp(&right.len());
    if by_size.is_ne() {
        return Some(by_size);
    }
    let keys = sorted(left);
    let by_keys = keys.cmp(&sorted(right));
    if by_keys.is_ne() {
        return Some(by_keys);
    }
    order_of_members(keys.iter().filter_map(|key| Some((left.get(key)?, right.get(key)?))))
}

/// Order by the first members that differ. Inside lists and maps no text is read as a number.
fn order_of_members<'v>(mut pairs: impl Iterator<Item = (&'v Value, &'v Value)>) -> Option<Ordering> {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_));
    match pairs.find(|(left, right)| !same(left, right)) {
        None => Some(Ordering::Equal),
        Some((left, right)) if is_number(left) == is_number(right) => order(left, right),
        Some(_) => None,
    }
}

/// Order of two numbers by value, exact between integers and floats.
fn number_order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::BigInt(left), Value::BigInt(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::BigInt(right)) => Some(BigInt::from(*left).cmp(right)),
        (Value::BigInt(left), Value::Int(right)) => Some((**left).cmp(&BigInt::from(*right))),
        (Value::Int(left), Value::Float(right)) => order_int_float(*left, *right),
        (Value::Float(left), Value::Int(right)) => order_int_float(*right, *left).map(Ordering::reverse),
        (Value::BigInt(left), Value::Float(right)) => order_big_float(left, *right),
        (Value::Float(left), Value::BigInt(right)) => order_big_float(right, *left).map(Ordering::reverse),
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => None,
    }
}

fn order_int_float(int: i64, float: f64) -> Option<Ordering> {
    /// Integers up to this are floats exactly.
    const EXACT_MAX: u64 = 1 << 53;
    if int.unsigned_abs() <= EXACT_MAX {
        #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
        return (int as f64).partial_cmp(&float);
    }
    order_big_float(&BigInt::from(int), float)
}

fn order_big_float(big: &BigInt, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    let Some(whole) = super::arithmetic::big_of_float(float.floor()) else {
        return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
    };
    Some(big.cmp(&whole).then(if float.floor() < float { Ordering::Less } else { Ordering::Equal }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_compare_by_value_whatever_their_size() {
        let int = Value::Int((1 << 53) + 1);
        assert!(Comparison::Greater.holds(&int, &Value::Float(9_007_199_254_740_992.0)));
        assert!(Comparison::Less.holds(&Value::Int(3), &Value::Float(3.5)));
        assert!(Comparison::Less.holds(&Value::Int(i64::MAX), &Value::Float(1e300)));
        assert!(Comparison::Greater.holds(&Value::Int(i64::MIN), &Value::Float(-1e300)));
        assert!(same(&Value::from(vec![Value::Int(1)]), &Value::from(vec![Value::Float(1.0)])));
    }

    #[test]
    fn maps_have_an_order_and_members_are_not_converted() {
        let order_of = |left: &str, right: &str| {
            let value = |text: &str| crate::json::decode(&text.into()).unwrap();
            order(&value(left), &value(right))
        };
        assert_eq!(order_of(r#"{"z":1}"#, r#"{"a":1,"b":1}"#), Some(Ordering::Less));
        assert_eq!(order_of(r#"{"b":0}"#, r#"{"a":1}"#), Some(Ordering::Greater));
        assert_eq!(order_of(r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1.0}"#), Some(Ordering::Equal));
        assert_eq!(order_of(r#"[{"a":1},9]"#, r#"[{"a":2},0]"#), Some(Ordering::Less));
        assert_eq!(order_of("[null,1]", "[null,2]"), Some(Ordering::Less));
        assert_eq!(order_of(r#"["2"]"#, "[1]"), None);
        assert_eq!(order_of("[1]", "[1,0]"), Some(Ordering::Less));
    }

    #[test]
    fn null_equals_only_null() {
        for op in [Comparison::NotEqual, Comparison::Less, Comparison::LessOrEqual, Comparison::GreaterOrEqual] {
            assert!(!op.holds(&Value::Null, &Value::Null) && !op.holds(&Value::Null, &Value::Int(1)));
        }
        assert!(Comparison::Equal.holds(&Value::Null, &Value::Null));
    }
}
