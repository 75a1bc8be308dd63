//! How outputs are written to disk: every value comes back as it was, bytes and integers of any size included.
//!
//! Numbers and runs of bytes are written as [`journal::parts`] has them.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use bytestring::ByteString;
use events::{EventId, Map, Timestamp, Value};
use journal::parts::{number_of, put_bytes, put_number};
use num_bigint::BigInt;

use crate::output::Output;

/// Lists and maps in each other; rows are made from payloads, which have a limit of their own below this.
pub(crate) const DEPTH_MAX: usize = 1_000;

/// Appends the parts of a record.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    pub(crate) bytes: Vec<u8>,
}

impl Encoder {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn number(&mut self, number: u64) {
        put_number(&mut self.bytes, number);
    }

    /// Small where the amount is small, whatever the sign.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    pub(crate) fn run(&mut self, bytes: &[u8]) {
        put_bytes(&mut self.bytes, bytes);
    }

    /// Everything of `output` but the names of rule and action, which the reader knows.
    pub(crate) fn output(&mut self, output: &Output) {
        let Output { row, event_id, rule: _, action: _, row_number, client_id, trigger, hops, created } = output;
        self.bytes.extend_from_slice(&event_id.0.to_le_bytes());
        self.number(u64::from(*row_number));
        self.signed(created.0);
        self.byte(*hops);
        self.run(trigger.as_bytes());
        self.byte(u8::from(client_id.is_some()));
        if let Some(client_id) = client_id {
            self.run(client_id.as_bytes());
        }
        self.map(row);
    }

    pub(crate) fn map(&mut self, map: &Map) {
        self.number(u64::try_from(map.len()).unwrap_or(u64::MAX));
        for (key, value) in map.iter() {
            self.run(key.as_bytes());
            self.value(value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.byte(0),
            Value::Bool(false) => self.byte(1),
            Value::Bool(true) => self.byte(2),
            Value::Int(number) => {
                self.byte(3);
                self.signed(*number);
            }
            Value::BigInt(number) => {
                self.byte(4);
                self.run(&number.to_signed_bytes_le());
            }
            Value::Float(number) => {
                self.byte(5);
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
            Value::Text(text) => {
                self.byte(6);
                self.run(text.as_bytes());
            }
            Value::Bytes(bytes) => {
                self.byte(7);
                self.run(bytes);
            }
            Value::List(items) => {
                self.byte(8);
                self.number(u64::try_from(items.len()).unwrap_or(u64::MAX));
                items.iter().for_each(|item| self.value(item));
            }
            Value::Map(map) => {
                self.byte(9);
                self.map(map);
            }
        }
    }
}

/// Takes the parts of a record off its front. Text and bytes share the memory of the record.
#[derive(Debug)]
pub(crate) struct Decoder {
    rest: Bytes,
}

impl Decoder {
    pub(crate) fn new(record: &[u8]) -> Decoder {
        Decoder { rest: Bytes::copy_from_slice(record) }
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let (number, len) = number_of(&self.rest)?;
        self.rest.advance(len);
        Some(number)
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(crate) fn run(&mut self) -> Option<Bytes> {
        let len = self.len()?;
        Some(self.rest.split_to(len))
    }

    pub(crate) fn text(&mut self) -> Option<ByteString> {
        ByteString::try_from(self.run()?).ok()
    }

    pub(crate) fn output(&mut self, rule: &Arc<str>, action: &Arc<str>) -> Option<Output> {
        let event_id = EventId(u128::from_le_bytes(self.fixed()?));
        let row_number = u32::try_from(self.number()?).ok()?;
        let created = Timestamp(self.signed()?);
        let hops = self.byte()?;
        let trigger = self.text()?;
        let client_id = if self.byte()? == 1 { Some(self.text()?) } else { None };
        let row = Arc::new(self.map(DEPTH_MAX)?);
        let (rule, action) = (Arc::clone(rule), Arc::clone(action));
        Some(Output { row, event_id, rule, action, row_number, client_id, trigger, hops, created })
    }

    pub(crate) fn map(&mut self, depth_left: usize) -> Option<Map> {
        let len = self.number()?;
        (0..len).map(|_| Some((self.text()?, self.value(depth_left)?))).collect()
    }

    fn value(&mut self, depth_left: usize) -> Option<Value> {
        let depth_left = depth_left.checked_sub(1)?;
        Some(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Int(self.signed()?),
            4 => Value::from_big(BigInt::from_signed_bytes_le(&self.run()?)),
            5 => Value::Float(f64::from_le_bytes(self.fixed()?)),
            6 => Value::Text(self.text()?),
            7 => Value::Bytes(self.run()?),
            8 => {
                let len = self.number()?;
                Value::List(Arc::new((0..len).map(|_| self.value(depth_left)).collect::<Option<_>>()?))
            }
            9 => Value::Map(Arc::new(self.map(depth_left)?)),
            _ => return None,
        })
    }

    /// A length that what is left can have.
    fn len(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|len| *len <= self.rest.len())
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let fixed = *self.rest.first_chunk()?;
        self.rest = self.rest.split_off(N);
        Some(fixed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::tests::numbered;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<[u8; 40]>().prop_map(|bytes| Value::from_big(BigInt::from_signed_bytes_le(&bytes))),
            any::<f64>().prop_filter("no row has NaN", |number| !number.is_nan()).prop_map(Value::Float),
            ".*".prop_map(Value::from),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Value::Bytes(bytes.into())),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(|items| Value::List(Arc::new(items))),
                prop::collection::vec((".*", inner), 0..5).prop_map(|entries| {
                    let entries = entries.into_iter().map(|(key, value)| (ByteString::from(key), value));
                    Value::Map(Arc::new(entries.collect()))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_output_is_read_as_it_was_written(
            value in values(), event: u128, created: i64, client in prop::option::of(".*"), row_number: u32, hops: u8,
        ) {
            let row: Map = [("v".into(), value), ("n".into(), Value::Int(i64::MIN))].into_iter().collect();
            let output = Output {
                row: Arc::new(row),
                event_id: EventId(event),
                created: Timestamp(created),
                client_id: client.map(ByteString::from),
                row_number,
                hops,
                ..numbered(0, Timestamp(0))
            };
            let mut encoder = Encoder::default();
            encoder.output(&output);
            let mut decoder = Decoder::new(&encoder.bytes);
            prop_assert_eq!(decoder.output(&output.rule, &output.action), Some(output));
            prop_assert!(decoder.rest.is_empty());
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            // Whatever it finds, it ends.
            let mut decoder = Decoder::new(&bytes);
            drop(decoder.output(&"rule".into(), &"action".into()));
            prop_assert!(decoder.rest.len() <= bytes.len());
        }
    }
}
