//! Events as EMQX has them: what a rule with `compat = "emqx"` in its header sees.
//!
//! Every difference between the two catalogues that can be undone stands here, and nowhere else; the page on the rule
//! language lists them.

use std::sync::LazyLock;

use bytestring::ByteString;
use events::{ConnackReason, DisconnectReason, FieldId, Initiator, Kind, Map, UnsubscribeCause, Value};

use crate::columns::{Columns, NotJson};
use crate::json::Document;
use crate::plan::Column;

/// The columns of an event under EMQX's names and in its units.
pub(crate) struct EmqxColumns<'c> {
    columns: &'c dyn Columns,
    kind: Option<Kind>,
}

/// The columns that differ, and those that tell how.
struct Known {
    reason_code: Column,
    reason_code_v5: Column,
    expiry_interval: Column,
    reason: Column,
    initiator: Column,
    connected_at: Column,
    cause: Column,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| Known {
    reason_code: Column::of("reason_code"),
    reason_code_v5: Column::of("reason_code_v5"),
    expiry_interval: Column::of("expiry_interval"),
    reason: Column::of("reason"),
    initiator: Column::of("initiator"),
    connected_at: Column::of("connected_at"),
    cause: Column::of("cause"),
});

impl<'c> EmqxColumns<'c> {
    /// What EMQX has where we have `columns`; `None` where it has no event: of a connection that was never accepted and
    /// ends, and of a subscription that ends with its session.
    pub(crate) fn of(columns: &'c dyn Columns) -> Option<EmqxColumns<'c>> {
        let all = EmqxColumns { columns, kind: columns.kind() };
        let has_it = match all.kind {
            Some(Kind::ClientDisconnected) => !all.ours(&KNOWN.connected_at).is_null(),
            Some(Kind::SessionUnsubscribed) => {
                all.ours(&KNOWN.cause).as_text() != Some(UnsubscribeCause::SessionEnd.name())
            }
            Some(_) | None => true,
        };
        has_it.then_some(all)
    }

    /// The value that we have.
    fn ours(&self, column: &Column) -> Value {
        let id = self.kind.and_then(|kind| column.id(kind));
        id.map_or(Value::Null, |id| self.columns.field(id))
    }

    /// What EMQX has where we have `value`.
    fn theirs(&self, id: FieldId, value: Value) -> Value {
        let is = |kind: Kind, column: &Column| self.kind == Some(kind) && column.id(kind) == Some(id);
        if is(Kind::ClientConnack, &KNOWN.reason_code) {
            connack_reason(&self.ours(&KNOWN.reason_code_v5))
        } else if is(Kind::ClientConnack, &KNOWN.expiry_interval) {
            in_ms(value)
        } else if is(Kind::ClientDisconnected, &KNOWN.reason) {
            disconnect_reason(value, self.ours(&KNOWN.initiator).as_text() == Some(Initiator::Broker.name()))
        } else {
            value
        }
    }
}

impl Columns for EmqxColumns<'_> {
    fn kind(&self) -> Option<Kind> {
        self.kind
    }

    fn field(&self, id: FieldId) -> Value {
        self.theirs(id, self.columns.field(id))
    }

    fn by_name(&self, name: &str) -> Option<Value> {
        let id = self.kind.and_then(|kind| kind.event_type().field(name)).map(|(id, _)| id);
        let value = self.columns.by_name(name)?;
        Some(match id {
            Some(id) => self.theirs(id, value),
            None => value,
        })
    }

    fn all(&self, more: usize) -> Map {
        let mut all = self.columns.all(more);
        for column in [&KNOWN.reason_code, &KNOWN.expiry_interval, &KNOWN.reason] {
            if let Some(value) = all.get_mut(&column.name)
                && let Some(id) = self.kind.and_then(|kind| column.id(kind))
            {
                *value = self.theirs(id, std::mem::take(value));
            }
        }
        all
    }

    fn document(&self) -> Option<&Result<Document, NotJson>> {
        self.columns.document()
    }

    fn document_of(&self, text: &ByteString) -> Option<&Result<Document, NotJson>> {
        self.columns.document_of(text)
    }
}

/// EMQX has the names of MQTT 5 for every version, and two of its own.
fn connack_reason(v5: &Value) -> Value {
    if v5.as_text() == Some(ConnackReason::UnacceptableProtocolVersion.name()) {
        return Value::from_static("unsupported_protocol_version");
    }
    v5.clone()
}

fn disconnect_reason(ours: Value, by_broker: bool) -> Value {
    let is = |reason: DisconnectReason| ours.as_text() == Some(reason.name());
    let theirs = if is(DisconnectReason::Takeovered) {
        "takenover"
    } else if is(DisconnectReason::ServerInternalError) {
        "internal_error"
    } else if is(DisconnectReason::MalformedPacket) && by_broker {
        "frame_error"
    } else if is(DisconnectReason::PacketTooLarge) && by_broker {
        "frame_too_large"
    } else {
        return ours;
    };
    Value::from_static(theirs)
}

fn in_ms(seconds: Value) -> Value {
    if let Value::Int(seconds) = seconds { Value::Int(seconds.saturating_mul(1000)) } else { seconds }
}
