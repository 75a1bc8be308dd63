//! How much a value takes when it is written out.
//!
//! Values share what they hold, so that a list of two equal lists costs next to nothing; forty times doubled it would
//! fill every disk when an action writes it as JSON. So what goes into a list or map is weighed as if it stood there
//! alone, and counts as made.

use events::Value;

/// The deepest a value may be nested. What walks along values relies on it.
pub(crate) const DEPTH_MAX: usize = 256;

/// Why a value may not become a part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMuch {
    /// It is nested deeper than [`DEPTH_MAX`].
    Depth,
    /// It weighs more than the limit.
    Bytes,
}

/// The bytes that a value takes as a part of another, at most `limit`. Takes no longer than that many steps.
pub(crate) fn weigh(value: &Value, limit: usize) -> Result<usize, TooMuch> {
    let mut left = limit;
    take(value, &mut left, 1)?;
    Ok(limit - left)
}

fn take(value: &Value, left: &mut usize, depth: usize) -> Result<(), TooMuch> {
    if depth > DEPTH_MAX {
        return Err(TooMuch::Depth);
    }
    let own = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => 0,
    };
    *left = left.checked_sub(own.saturating_add(size_of::<Value>())).ok_or(TooMuch::Bytes)?;
    match value {
        Value::List(items) => items.iter().try_for_each(|item| take(item, left, depth + 1)),
        Value::Map(map) => map.iter().try_for_each(|(key, value)| {
            *left = left.checked_sub(key.len()).ok_or(TooMuch::Bytes)?;
            take(value, left, depth + 1)
        }),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_weighs_as_if_it_were_not() {
        let mut value = Value::from("0123456789");
        for _ in 0..4 {
            value = vec![value.clone(), value].into();
        }
        let leaves = 16 * (10 + size_of::<Value>()) + 15 * size_of::<Value>();
        assert_eq!(weigh(&value, 10_000), Ok(leaves));
        assert_eq!(weigh(&value, leaves - 1), Err(TooMuch::Bytes));
        for _ in 0..40 {
            value = vec![value.clone(), value].into();
        }
        assert_eq!(weigh(&value, 1 << 20), Err(TooMuch::Bytes));
    }

    #[test]
    fn depth_has_a_limit() {
        let mut value = Value::Null;
        for _ in 1..DEPTH_MAX {
            value = vec![value].into();
        }
        assert!(weigh(&value, usize::MAX).is_ok());
        assert_eq!(weigh(&vec![value].into(), usize::MAX), Err(TooMuch::Depth));
    }
}
