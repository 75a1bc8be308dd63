//! Bits that need not be whole bytes.
//!
//! Whole bytes are texts or bytes as everywhere. Other lengths are a map of one key, which only these functions know:
//! `{"$bits": [length, bytes]}`.

use bytes::Bytes;
use bytestring::ByteString;
use events::{Map, Value};
use num_bigint::{BigInt, Sign};

use crate::functions::{Args, Fault};
use crate::values::text::bytes_of;

const KEY: &str = "$bits";

/// Some bits, the first the highest of the first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::functions) struct BitString {
    bytes: Bytes,
    len: usize,
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Big,
    Little,
}

impl BitString {
    /// The bits that an argument is.
    pub(in crate::functions) fn of(args: &Args<'_>, at: usize) -> Result<BitString, Fault> {
        match args.value(at) {
            value @ (Value::Text(_) | Value::Bytes(_)) => {
                let bytes = bytes_of(value);
                Ok(BitString { len: bytes.len().saturating_mul(8), bytes })
            }
            Value::Map(map) => of_map(map).map_or_else(|| args.wrong_type(at, "text or bytes"), Ok),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::List(_) => {
                args.wrong_type(at, "text or bytes")
            }
        }
    }

    /// Whether a map stands for bits that are no whole bytes.
    pub(in crate::functions) fn is_one(map: &Map) -> bool {
        of_map(map).is_some()
    }

    /// How many there are.
    pub(in crate::functions) fn len(&self) -> usize {
        self.len
    }

    /// That many from a place on, counted from 0; fewer where they end; `None` where none begins there.
    pub(super) fn part(&self, start: usize, len: usize) -> Option<BitString> {
        if start >= self.len {
            return None;
        }
        let len = len.min(self.len - start);
        let mut bytes = vec![0u8; len.div_ceil(8)];
        for at in 0..len {
            if self.bit(start + at) {
                bytes[at / 8] |= 0x80 >> (at % 8);
            }
        }
        Some(BitString { bytes: bytes.into(), len })
    }

    /// As a value: text or bytes where they are whole bytes.
    pub(super) fn into_value(self) -> Value {
        if self.len.is_multiple_of(8) {
            return Value::from_bytes(self.bytes);
        }
        let len = i64::try_from(self.len).map_or(Value::Null, Value::Int);
        let pair = Value::from(vec![len, Value::Bytes(self.bytes)]);
        [(ByteString::from_static(KEY), pair)].into_iter().collect::<Map>().into()
    }

    /// As an integer.
    pub(super) fn to_integer(&self, signed: bool, endian: Endian) -> Value {
        let number = match endian {
            Endian::Big => self.magnitude(),
            Endian::Little => {
                // Whole bytes from the lowest; bits that are left over are the highest, as in Erlang.
                let mut bytes = self.bytes.to_vec();
                if let (Some(last), left @ 1..) = (bytes.last_mut(), self.len % 8) {
                    *last >>= 8 - left;
                }
                BigInt::from_bytes_le(Sign::Plus, &bytes)
            }
        };
        let negative = signed && number.bit(u64::try_from(self.len).unwrap_or(0).saturating_sub(1)) && self.len > 0;
        Value::from_big(if negative { number - (BigInt::from(1) << self.len) } else { number })
    }

    /// As a float of 16, 32 or 64 bits; `None` where it is none.
    pub(super) fn to_float(&self, endian: Endian) -> Option<Value> {
        let mut bytes = self.bytes.to_vec();
        if endian == Endian::Little {
            bytes.reverse();
        }
        let number = match (self.len, bytes.as_slice()) {
            (16, [a, b]) => of_half(u16::from_be_bytes([*a, *b])),
            (32, [a, b, c, d]) => f64::from(f32::from_be_bytes([*a, *b, *c, *d])),
            (64, bytes) => bytes.try_into().map_or(f64::NAN, f64::from_be_bytes),
            _ => f64::NAN,
        };
        number.is_finite().then_some(Value::Float(number))
    }

    /// Appends hexadecimal digits in upper case, the first filled up to four bits.
    pub(in crate::functions) fn write_hex(&self, out: &mut String) {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
        let missing = (4 - self.len % 4) % 4;
        for digit in 0..(self.len + missing) / 4 {
            let bits = (0..4).map(|at| 4 * digit + at).map(|at| at >= missing && self.bit(at - missing));
            out.push(DIGITS[bits.fold(0, |value, bit| 2 * value + usize::from(bit))]);
        }
    }

    fn bit(&self, at: usize) -> bool {
        self.bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    }

    fn magnitude(&self) -> BigInt {
        BigInt::from_bytes_be(Sign::Plus, &self.bytes) >> ((8 - self.len % 8) % 8)
    }
}

fn of_map(map: &Map) -> Option<BitString> {
    match map.get(KEY).filter(|_| map.len() == 1) {
        Some(Value::List(pair)) => match pair.as_slice() {
            [Value::Int(len), Value::Bytes(bytes)] => {
                let len = usize::try_from(*len).ok().filter(|len| len.div_ceil(8) == bytes.len())?;
                Some(BitString { bytes: bytes.clone(), len })
            }
            _ => None,
        },
        _ => None,
    }
}

/// IEEE 754 binary16.
fn of_half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF) / 1024.0);
    match exponent {
        0 => sign * fraction * 2f64.powi(-14),
        0x1F => f64::NAN,
        _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bytes: &'static [u8]) -> BitString {
        BitString { bytes: Bytes::from_static(bytes), len: bytes.len() * 8 }
    }

    #[test]
    fn bits_are_taken_read_and_written() {
        let whole = bits(&[0x9F, 0x4E, 0x58, 0xFF]);
        let hex = |part: BitString| {
            let mut out = String::new();
            part.write_hex(&mut out);
            out
        };
        assert_eq!(hex(whole.part(0, 12).unwrap()), "9F4");
        assert_eq!(hex(whole.part(0, 13).unwrap()), "13E9");
        assert_eq!(whole.part(24, 8).unwrap().to_integer(true, Endian::Big), Value::Int(-1));
        assert_eq!(whole.part(0, 16).unwrap().to_integer(false, Endian::Little), Value::Int(20127));
        assert_eq!(whole.part(32, 1), None);
        assert_eq!(bits(&[0x3C, 0x00]).to_float(Endian::Big), Some(Value::Float(1.0)));
        assert_eq!(bits(&[0x40, 0x20, 0, 0]).to_float(Endian::Big), Some(Value::Float(2.5)));
        assert_eq!(bits(&[0x40, 0x20, 0]).to_float(Endian::Big), None);
    }
}
