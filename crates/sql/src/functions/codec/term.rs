//! The external term format of Erlang, as far as values have it.

use bytestring::ByteString;
use events::{Map, Value};
use num_bigint::{BigInt, Sign};

use crate::eval::Budget;
use crate::functions::Fault;
use crate::functions::map::sorted;
use crate::json::INTEGER_BITS_MAX;

/// The byte every term begins with.
pub(super) const VERSION: u8 = 131;

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 128;

const NEW_FLOAT: u8 = 70;
const FLOAT: u8 = 99;
const SMALL_INTEGER: u8 = 97;
const INTEGER: u8 = 98;
const ATOM: u8 = 100;
const SMALL_TUPLE: u8 = 104;
const LARGE_TUPLE: u8 = 105;
const NIL: u8 = 106;
const STRING: u8 = 107;
const LIST: u8 = 108;
const BINARY: u8 = 109;
const SMALL_BIG: u8 = 110;
const LARGE_BIG: u8 = 111;
const SMALL_ATOM: u8 = 115;
const MAP: u8 = 116;
const ATOM_UTF8: u8 = 118;
const SMALL_ATOM_UTF8: u8 = 119;

/// Appends a value.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => write_atom("null", out),
        Value::Bool(true) => write_atom("true", out),
        Value::Bool(false) => write_atom("false", out),
        Value::Int(number) => match (u8::try_from(*number), i32::try_from(*number)) {
            (Ok(small), _) => out.extend([SMALL_INTEGER, small]),
            (Err(_), Ok(number)) => {
                out.push(INTEGER);
                out.extend(number.to_be_bytes());
            }
            (Err(_), Err(_)) => write_big(&BigInt::from(*number), out),
        },
        Value::BigInt(number) => write_big(number, out),
        Value::Float(number) => {
            out.push(NEW_FLOAT);
            out.extend(number.to_be_bytes());
        }
        Value::Text(text) => write_binary(text.as_bytes(), out),
        Value::Bytes(bytes) => write_binary(bytes, out),
        Value::List(items) if items.is_empty() => out.push(NIL),
        Value::List(items) if write_string(items, out).is_some() => {}
        Value::List(items) => {
            out.push(LIST);
            out.extend(count(items.len()));
            for item in items.iter() {
                write(item, out);
            }
            out.push(NIL);
        }
        Value::Map(map) => {
            out.push(MAP);
            out.extend(count(map.len()));
            for (key, value) in sorted(map) {
                write_binary(key.as_bytes(), out);
                write(value, out);
            }
        }
    }
}

/// A list of bytes is written as if it were a text of Erlang, as long as its length fits.
fn write_string(items: &[Value], out: &mut Vec<u8>) -> Option<()> {
    let len = u16::try_from(items.len()).ok()?;
    let byte = |item: &Value| if let Value::Int(number) = item { u8::try_from(*number).ok() } else { None };
    let bytes: Vec<u8> = items.iter().map(byte).collect::<Option<_>>()?;
    out.push(STRING);
    out.extend(len.to_be_bytes());
    out.extend(bytes);
    Some(())
}

/// The value of a whole term; `None` where it is none, or one that no value can hold. Every value in it counts as made.
pub(super) fn read_whole(data: &[u8], budget: &Budget) -> Result<Option<Value>, Fault> {
    let Some(rest) = data.strip_prefix(&[VERSION]) else { return Ok(None) };
    let mut reader = Reader { rest, bytes_left: budget.bytes_left(), is_exhausted: false };
    let value = reader.read(0);
    let made = if reader.is_exhausted { usize::MAX } else { budget.bytes_left() - reader.bytes_left };
    budget.charge(made)?;
    Ok(value.filter(|_| reader.rest.is_empty()))
}

/// What an empty list takes, which is a single byte of a term.
const VALUE_BYTES: usize = 64;

fn write_atom(name: &str, out: &mut Vec<u8>) {
    out.extend([SMALL_ATOM_UTF8, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
    out.extend(name.as_bytes());
}

fn write_binary(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(BINARY);
    out.extend(count(bytes.len()));
    out.extend(bytes);
}

fn write_big(number: &BigInt, out: &mut Vec<u8>) {
    let (sign, bytes) = number.to_bytes_le();
    match u8::try_from(bytes.len()) {
        Ok(len) => out.extend([SMALL_BIG, len]),
        Err(_) => {
            out.push(LARGE_BIG);
            out.extend(count(bytes.len()));
        }
    }
    out.push(u8::from(sign == Sign::Minus));
    out.extend(bytes);
}

fn count(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

struct Reader<'d> {
    rest: &'d [u8],
    /// What the values may still take.
    bytes_left: usize,
    /// Whether they would take more.
    is_exhausted: bool,
}

impl<'d> Reader<'d> {
    fn read(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.make(VALUE_BYTES)?;
        let [tag] = self.take_array()?;
        match tag {
            SMALL_INTEGER => self.take_array().map(|[byte]: [u8; 1]| Value::Int(byte.into())),
            INTEGER => self.take_array().map(|bytes| Value::Int(i32::from_be_bytes(bytes).into())),
            SMALL_BIG => {
                let [len]: [u8; 1] = self.take_array()?;
                self.read_big(len.into())
            }
            LARGE_BIG => {
                let len = self.take_count()?;
                self.read_big(len)
            }
            NEW_FLOAT => {
                self.take_array().map(f64::from_be_bytes).filter(|number| number.is_finite()).map(Value::Float)
            }
            FLOAT => {
                let digits = std::str::from_utf8(self.take(31)?).ok()?;
                digits.trim_end_matches('\0').parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
            }
            BINARY => {
                let len = self.take_count()?;
                Some(Value::from_bytes(self.take(len)?.to_vec().into()))
            }
            STRING => {
                let len = u16::from_be_bytes(self.take_array()?);
                self.make(usize::from(len) * size_of::<Value>())?;
                Some(self.take(len.into())?.iter().map(|byte| Value::Int((*byte).into())).collect::<Vec<_>>().into())
            }
            SMALL_ATOM | SMALL_ATOM_UTF8 => {
                let [len]: [u8; 1] = self.take_array()?;
                self.read_atom(len.into())
            }
            ATOM | ATOM_UTF8 => {
                let len = u16::from_be_bytes(self.take_array()?);
                self.read_atom(len.into())
            }
            NIL => Some(Vec::new().into()),
            LIST => {
                let items = self.read_list(depth)?;
                (self.take_array()? == [NIL]).then(|| items.into())
            }
            SMALL_TUPLE => {
                let [len]: [u8; 1] = self.take_array()?;
                (0..len).map(|_| self.read(depth + 1)).collect::<Option<Vec<_>>>().map(Value::from)
            }
            LARGE_TUPLE => self.read_list(depth).map(Value::from),
            MAP => self.read_map(depth),
            _ => None,
        }
    }

    fn read_list(&mut self, depth: usize) -> Option<Vec<Value>> {
        let len = self.take_count()?;
        let mut items = Vec::new();
        for _ in 0..len {
            items.push(self.read(depth + 1)?);
        }
        Some(items)
    }

    fn read_map(&mut self, depth: usize) -> Option<Value> {
        let len = self.take_count()?;
        let mut map = Map::new();
        for _ in 0..len {
            let key: ByteString = crate::values::text::shared_text_of(&self.read(depth + 1)?);
            map.insert(key, self.read(depth + 1)?);
        }
        Some(map.into())
    }

    fn read_big(&mut self, len: usize) -> Option<Value> {
        let [sign]: [u8; 1] = self.take_array()?;
        let sign = if sign == 0 { Sign::Plus } else { Sign::Minus };
        let number = BigInt::from_bytes_le(sign, self.take(len)?);
        (number.bits() <= INTEGER_BITS_MAX).then(|| Value::from_big(number))
    }

    fn read_atom(&mut self, len: usize) -> Option<Value> {
        Some(match std::str::from_utf8(self.take(len)?).ok()? {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" | "undefined" => Value::Null,
            other => Value::from(other),
        })
    }

    fn make(&mut self, bytes: usize) -> Option<()> {
        let left = self.bytes_left.checked_sub(bytes);
        self.is_exhausted |= left.is_none();
        self.bytes_left = left?;
        Some(())
    }

    fn take_count(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take_array()?)).ok()
    }

    fn take(&mut self, len: usize) -> Option<&'d [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn take_array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        self.take(LEN)?.try_into().ok()
    }
}
