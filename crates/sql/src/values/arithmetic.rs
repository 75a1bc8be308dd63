//! Arithmetic: 64 bit integers that widen to big ones, floats that are never infinite, NULL that stays NULL.

use events::Value;
use num_bigint::BigInt;

use super::describe::describe;
use super::text::{bytes_of, text_of};
use crate::json::INTEGER_BITS_MAX;

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Modulo,
}

impl Arithmetic {
    /// The operator as it is written.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::IntegerDivide => "div",
            Arithmetic::Modulo => "mod",
        }
    }

    /// `left op right`, or what is wrong with the operands.
    pub(crate) fn apply(self, left: &Value, right: &Value) -> Result<Value, String> {
        if let (Value::Int(left), Value::Int(right)) = (left, right)
            && let Some(result) = self.apply_small(*left, *right)
        {
            return result;
        }
        if left.is_null() || right.is_null() {
            return Ok(Value::Null);
        }
        if let (Some(left), Some(right)) = (small_float(left), small_float(right))
            && let Some(result) = self.apply_floats(left, right)
        {
            return result;
        }
        if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
            return self.apply_numbers(left, right);
        }
        if self == Arithmetic::Add && (is_text(left) || is_text(right)) {
            return Ok(concatenate(left, right));
        }
        let wrong = if Number::of(left).is_none() { left } else { right };
        Err(format!("`{}` wants numbers, found {}", self.symbol(), describe(wrong)))
    }

    fn apply_small(self, left: i64, right: i64) -> Option<Result<Value, String>> {
        let result = match self {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide => return None,
            Arithmetic::IntegerDivide | Arithmetic::Modulo if right == 0 => return Some(Err(by_zero(self))),
            Arithmetic::IntegerDivide => left.checked_div(right),
            Arithmetic::Modulo => left.checked_rem(right),
        };
        result.map(|number| Ok(Value::Int(number)))
    }

    /// Operators that give a float: two integers come here only for `/`.
    fn apply_floats(self, left: (f64, bool), right: (f64, bool)) -> Option<Result<Value, String>> {
        let ((left, left_is_int), (right, right_is_int)) = (left, right);
        let both_are_int = left_is_int && right_is_int;
        match self {
            Arithmetic::Divide if right == 0.0 => Some(Err(by_zero(self))),
            Arithmetic::Divide => Some(finite(left / right)),
            Arithmetic::Add if !both_are_int => Some(finite(left + right)),
            Arithmetic::Subtract if !both_are_int => Some(finite(left - right)),
            Arithmetic::Multiply if !both_are_int => Some(finite(left * right)),
            Arithmetic::Add
            | Arithmetic::Subtract
            | Arithmetic::Multiply
            | Arithmetic::IntegerDivide
            | Arithmetic::Modulo => None,
        }
    }

    fn apply_numbers(self, left: Number, right: Number) -> Result<Value, String> {
        match (self, left, right) {
            (Arithmetic::Divide, left, right) => {
                let divisor = right.to_float()?;
                if divisor == 0.0 {
                    return Err(by_zero(self));
                }
                finite(left.to_float()? / divisor)
            }
            (
                Arithmetic::Add
                | Arithmetic::Subtract
                | Arithmetic::Multiply
                | Arithmetic::IntegerDivide
                | Arithmetic::Modulo,
                Number::Int(left),
                Number::Int(right),
            ) => self.apply_big(&left, &right),
            (Arithmetic::IntegerDivide | Arithmetic::Modulo, left, right) => {
                let wrong = if matches!(left, Number::Float(_)) { left } else { right };
                Err(format!("`{}` wants integers, found the number {}", self.symbol(), wrong.into_value().to_json()))
            }
            (Arithmetic::Add, left, right) => finite(left.to_float()? + right.to_float()?),
            (Arithmetic::Subtract, left, right) => finite(left.to_float()? - right.to_float()?),
            (Arithmetic::Multiply, left, right) => finite(left.to_float()? * right.to_float()?),
        }
    }

    fn apply_big(self, left: &BigInt, right: &BigInt) -> Result<Value, String> {
        let result = match self {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::IntegerDivide | Arithmetic::Modulo if right.bits() == 0 => return Err(by_zero(self)),
            Arithmetic::Divide | Arithmetic::IntegerDivide => left / right,
            Arithmetic::Modulo => left % right,
        };
        integer(result)
    }
}

/// `-value`.
pub(crate) fn negate(value: &Value) -> Result<Value, String> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Int(number) => {
            Ok(number.checked_neg().map_or_else(|| Value::from_big(-BigInt::from(*number)), Value::Int))
        }
        Value::BigInt(number) => Ok(Value::from_big(-&**number)),
        Value::Float(number) => Ok(Value::Float(-number)),
        Value::Bool(_) | Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
            Err(format!("`-` wants a number, found {}", describe(value)))
        }
    }
}

/// A float that is a result; one that is infinite or no number is an error.
pub(crate) fn finite(number: f64) -> Result<Value, String> {
    if number.is_nan() {
        Err("the function is not defined for this number".to_owned())
    } else if number.is_infinite() {
        Err("the result is beyond what a float may be".to_owned())
    } else {
        Ok(Value::Float(number))
    }
}

/// An integer that is a result; one of more than 4,096 bits is an error.
pub(crate) fn integer(number: BigInt) -> Result<Value, String> {
    if number.bits() > INTEGER_BITS_MAX {
        return Err(format!("the result is an integer of more than {INTEGER_BITS_MAX} bits"));
    }
    Ok(Value::from_big(number))
}

/// The integer that a whole float is; `None` where it is infinite or no number.
pub(crate) fn big_of_float(number: f64) -> Option<BigInt> {
    if !number.is_finite() {
        return None;
    }
    let bits = number.to_bits();
    let exponent = i64::try_from((bits >> 52) & 0x7FF).expect("eleven bits fit") - 1075;
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = BigInt::from(if exponent == -1075 { fraction << 1 } else { fraction | 1 << 52 });
    let distance = exponent.unsigned_abs();
    let magnitude = if exponent >= 0 { mantissa << distance } else { mantissa >> distance };
    Some(if number < 0.0 { -magnitude } else { magnitude })
}

/// The float nearest to an integer; `None` where it is beyond what a float may be.
pub(crate) fn float_of_big(number: &BigInt) -> Option<f64> {
    number.to_string().parse::<f64>().ok().filter(|float| float.is_finite())
}

/// A number of 64 bits as a float, and whether it is an integer.
fn small_float(value: &Value) -> Option<(f64, bool)> {
    match value {
        Value::Float(number) => Some((*number, false)),
        #[expect(clippy::cast_precision_loss, reason = "the result is a float, with the precision of one")]
        Value::Int(number) => Some((*number as f64, true)),
        Value::Null
        | Value::Bool(_)
        | Value::BigInt(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

enum Number {
    Int(BigInt),
    Float(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Number> {
        match value {
            Value::Int(number) => Some(Number::Int((*number).into())),
            Value::BigInt(number) => Some(Number::Int((**number).clone())),
            Value::Float(number) => Some(Number::Float(*number)),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    fn to_float(&self) -> Result<f64, String> {
        match self {
            Number::Float(number) => Ok(*number),
            Number::Int(number) => {
                float_of_big(number).ok_or_else(|| "the integer is beyond what a float may be".to_owned())
            }
        }
    }

    fn into_value(self) -> Value {
        match self {
            Number::Int(number) => Value::from_big(number),
            Number::Float(number) => Value::Float(number),
        }
    }
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::Text(_) | Value::Bytes(_))
}

fn concatenate(left: &Value, right: &Value) -> Value {
    if matches!(left, Value::Bytes(_)) || matches!(right, Value::Bytes(_)) {
        let joined = [bytes_of(left), bytes_of(right)].concat();
        return Value::from_bytes(joined.into());
    }
    let (left, right) = (text_of(left), text_of(right));
    let mut joined = String::with_capacity(left.len() + right.len());
    joined.push_str(&left);
    joined.push_str(&right);
    joined.into()
}

fn by_zero(op: Arithmetic) -> String {
    format!("division by zero in `{}`", op.symbol())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_widen_and_come_back() {
        let wide = Arithmetic::Add.apply(&Value::Int(i64::MAX), &Value::Int(1)).unwrap();
        assert_eq!(wide.to_json(), "9223372036854775808");
        assert_eq!(Arithmetic::Subtract.apply(&wide, &Value::Int(1)), Ok(Value::Int(i64::MAX)));
        assert_eq!(negate(&Value::Int(i64::MIN)), Ok(wide));
        assert_eq!(
            Arithmetic::IntegerDivide.apply(&Value::Int(i64::MIN), &Value::Int(-1)).unwrap().to_json(),
            "9223372036854775808"
        );
    }

    #[test]
    fn a_whole_float_is_an_integer_of_the_same_worth() {
        for (float, text) in [(0.0, "0"), (1.0, "1"), (-3.0, "-3"), (1e22, "10000000000000000000000")] {
            assert_eq!(big_of_float(float).unwrap().to_string(), text);
        }
        assert_eq!(big_of_float(f64::INFINITY), None);
    }
}
