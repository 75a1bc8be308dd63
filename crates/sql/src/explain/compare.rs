//! What is surprising about a comparison.

use events::Value;

use crate::values::compare::Comparison;
use crate::values::describe::describe;
use crate::values::number::number_of_text;

/// Why `left op right` is what it is, where values of different types or NULL were compared.
pub(super) fn note(op: Comparison, left: &Value, right: &Value) -> Option<String> {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_));
    match (left, right) {
        (Value::Null, Value::Null) if op == Comparison::Equal => None,
        (Value::Null, _) | (_, Value::Null) => Some("a comparison with NULL is false".to_owned()),
        (Value::Text(text), number) | (number, Value::Text(text)) if is_number(number) => match number_of_text(text) {
            Some(_) => Some(format!("{} counts as a number", describe(&Value::Text(text.clone())))),
            None => Some(not_comparable(op, left, right)),
        },
        (Value::Bool(_), Value::Text(_)) | (Value::Text(_), Value::Bool(_)) => None,
        (left, right) if left.type_of() == right.type_of() || (is_number(left) && is_number(right)) => None,
        (left, right) => Some(not_comparable(op, left, right)),
    }
}

fn not_comparable(op: Comparison, left: &Value, right: &Value) -> String {
    let both = format!("{} against {}", describe(left), describe(right));
    match op {
        Comparison::Equal => format!("{both}: not comparable, so not equal"),
        Comparison::NotEqual => format!("{both}: not comparable, so not equal"),
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
            format!("{both}: not comparable, so neither is less")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_compared_as_everybody_expects_have_no_note() {
        let text = Value::from("abc");
        let cases = [
            (Comparison::Equal, Value::Int(1), Value::Float(1.0), None),
            (Comparison::Equal, text.clone(), text.clone(), None),
            (Comparison::Equal, Value::Null, Value::Null, None),
            (Comparison::NotEqual, Value::Null, text.clone(), Some("a comparison with NULL is false")),
            (Comparison::Less, Value::from("21"), Value::Int(30), Some("the text '21' counts as a number")),
            (
                Comparison::Greater,
                text,
                Value::Int(5),
                Some("the text 'abc' against the number 5: not comparable, so neither is less"),
            ),
            (
                Comparison::Equal,
                Value::from(vec![]),
                Value::Int(5),
                Some("the list [] against the number 5: not comparable, so not equal"),
            ),
        ];
        for (op, left, right, expected) in cases {
            assert_eq!(note(op, &left, &right).as_deref(), expected);
        }
    }
}
