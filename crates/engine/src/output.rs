//! What a rule yields for an action: a row, and where it came from.

use std::fmt;
use std::sync::Arc;

use bytestring::ByteString;
use events::{EventId, Map, Timestamp, Value};
use sha2::{Digest as _, Sha256};

/// One row of a rule on its way to one action.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The row. Shared by the actions of the rule.
    pub row: Arc<Map>,
    /// The event it was made from.
    pub event_id: EventId,
    /// The rule that made it.
    pub rule: Arc<str>,
    /// The action it is for.
    pub action: Arc<str>,
    /// Which row of the event it is, from 0; above 0 only for a rule that yields many (`FOREACH`).
    pub row_number: u32,
    /// The client whose event it is, where there is one.
    pub client_id: Option<ByteString>,
    /// The topic of the message or event that the rule ran on.
    pub trigger: ByteString,
    /// How many rules had republished the message when it came to this rule; 0 for what a client sent.
    pub hops: u8,
    /// When the rule ran.
    pub created: Timestamp,
}

impl Output {
    /// The names that every template may use beside the fields of the row. A field of the row goes before.
    pub const NAMES: [&'static str; 3] = ["event_id", "output_id", "rule_id"];

    /// The same for the same event, rule, action and row, also when the event is seen again: the other side can use it
    /// to tell a repetition.
    pub fn output_id(&self) -> OutputId {
        let mut hash = Sha256::new();
        hash.update(self.event_id.0.to_be_bytes());
        for name in [&*self.rule, &*self.action] {
            // The length keeps `a` + `bc` apart from `ab` + `c`.
            hash.update(u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(name);
        }
        hash.update(self.row_number.to_be_bytes());
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        OutputId(u128::from_be_bytes(id))
    }

    /// The value of a variable in a template: a field of the row, or one of [`Output::NAMES`].
    pub fn variable(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.row.get(name) {
            return Some(value.clone());
        }
        match name {
            "event_id" => Some(Value::from(self.event_id.to_string())),
            "output_id" => Some(Value::from(self.output_id().to_string())),
            "rule_id" => Some(Value::from(&*self.rule)),
            _ => None,
        }
    }

    /// About how many bytes of memory it holds; what it shares with other outputs counts in each.
    pub fn bytes(&self) -> usize {
        size_of::<Output>()
            + map_bytes(&self.row)
            + self.trigger.len()
            + self.client_id.as_ref().map_or(0, |id| id.len())
    }
}

/// The identifier of an output: 128 bits of a SHA-256 over event, rule, action and row number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutputId(pub u128);

/// 32 lower-case hexadecimal digits.
impl fmt::Display for OutputId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// As it is displayed; upper case will do.
impl std::str::FromStr for OutputId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<OutputId, std::num::ParseIntError> {
        u128::from_str_radix(text, 16).map(OutputId)
    }
}

pub(crate) fn map_bytes(map: &Map) -> usize {
    map.iter().map(|(key, value)| size_of::<(ByteString, Value)>() + key.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        Value::BigInt(number) => usize::try_from(number.bits() / 8).unwrap_or(usize::MAX),
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(|item| size_of::<Value>() + value_bytes(item)).sum(),
        Value::Map(map) => map_bytes(map),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An output whose row is `{"n": n}`, made at `created`.
    pub(crate) fn numbered(n: i64, created: Timestamp) -> Output {
        Output {
            row: Arc::new([("n".into(), Value::Int(n))].into_iter().collect()),
            event_id: EventId(u128::from(n.unsigned_abs())),
            rule: "rule".into(),
            action: "action".into(),
            row_number: 0,
            client_id: None,
            trigger: "t".into(),
            hops: 0,
            created,
        }
    }

    #[test]
    fn the_output_id_tells_event_rule_action_and_row_apart() {
        let output = numbered(7, Timestamp(1));
        let again = Output { created: Timestamp(2), row: Arc::default(), ..output.clone() };
        assert_eq!(output.output_id(), again.output_id());
        let others = [
            Output { event_id: EventId(8), ..output.clone() },
            Output { rule: "rulea".into(), action: "ction".into(), ..output.clone() },
            Output { action: "other".into(), ..output.clone() },
            Output { row_number: 1, ..output.clone() },
        ];
        for other in others {
            assert_ne!(output.output_id(), other.output_id(), "{other:?}");
        }
        assert_eq!(output.output_id().to_string().len(), 32);
    }

    #[test]
    fn a_field_of_the_row_goes_before_the_name_of_the_engine() {
        let mut output = numbered(7, Timestamp(1));
        assert_eq!(output.variable("rule_id"), Some("rule".into()));
        output.row = Arc::new([("rule_id".into(), Value::Int(1))].into_iter().collect());
        assert_eq!((output.variable("rule_id"), output.variable("n")), (Some(Value::Int(1)), None));
    }
}
