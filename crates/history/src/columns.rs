//! An event as a row: what is looked for has a column of its own, the rest is JSON.

use bytestring::ByteString;
use events::{Event, FieldId, Kind, Value};

use crate::record::{GAP, Gap, Item};

/// A row of the table `events`.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) event_id: Option<String>,
    pub(crate) seq: Option<i64>,
    pub(crate) timestamp: i64,
    pub(crate) event: &'static str,
    pub(crate) client: Client,
    pub(crate) reason: Option<ByteString>,
    pub(crate) json: String,
}

/// Whose time line a row stands in.
#[derive(Debug)]
pub(crate) enum Client {
    Nobody,
    One(ByteString),
    Everybody,
}

impl Row {
    pub(crate) fn new(item: &Item) -> Row {
        match item {
            Item::Event(event) => Row::of_event(event),
            Item::Gap(gap) => Row::of_gap(gap),
        }
    }

    fn of_event(event: &Event) -> Row {
        let kind = event.kind();
        let text = |names: &[&str]| match field(kind, names).map(|id| event.field(id)) {
            Some(Value::Text(text)) => Some(text),
            Some(
                Value::Null
                | Value::Bool(_)
                | Value::Int(_)
                | Value::BigInt(_)
                | Value::Float(_)
                | Value::Bytes(_)
                | Value::List(_)
                | Value::Map(_),
            )
            | None => None,
        };
        Row {
            event_id: Some(event.head.event_id.to_string()),
            seq: event.head.seq.and_then(|seq| seq.try_into().ok()),
            timestamp: event.head.timestamp.0,
            event: kind.event_type().name,
            client: text(&["clientid"]).map_or(Client::Nobody, Client::One),
            reason: text(&["reason_code", "reason", "cause"]),
            json: event.to_json(),
        }
    }

    fn of_gap(gap: &Gap) -> Row {
        Row {
            event_id: None,
            seq: gap.last_seq.and_then(|seq| seq.try_into().ok()),
            timestamp: gap.timestamp.0,
            event: GAP,
            client: Client::Everybody,
            reason: Some(ByteString::from_static(gap.cause.name())),
            json: gap.to_json(),
        }
    }
}

/// The first of these fields that the events of a kind have.
fn field(kind: Kind, names: &[&str]) -> Option<FieldId> {
    names.iter().find_map(|name| kind.event_type().field(name)).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::GapCause;
    use events::Timestamp;
    use std::sync::Arc;

    #[test]
    fn every_kind_has_its_columns() {
        for &kind in Kind::ALL {
            let row = Row::new(&Item::Event(Arc::new(Event::sample(kind))));
            assert_eq!(row.event, kind.event_type().name);
            assert_eq!((row.timestamp, row.seq), (Timestamp::SAMPLE.0, Some(1024)));
            let has_client = matches!(&row.client, Client::One(client) if !client.is_empty());
            let is_of_nobody =
                matches!(kind, Kind::CertificateRegistered | Kind::CertificateRejected | Kind::SourceMessage);
            assert_eq!(has_client, !is_of_nobody, "{row:?}");
            let expected = match kind {
                Kind::ClientConnack | Kind::ClientCheckAuthnComplete => Some("success"),
                Kind::ClientDisconnected => Some("keepalive_timeout"),
                Kind::SessionUnsubscribed => Some("client"),
                Kind::MessageDropped => Some("no_subscribers"),
                Kind::CertificateRejected => Some("expired"),
                Kind::DeliveryDropped => Some("queue_full"),
                Kind::SessionDiscarded => Some("clean_start"),
                Kind::ClientConnected
                | Kind::ClientPing
                | Kind::ClientCheckAuthzComplete
                | Kind::SessionCreated
                | Kind::SessionResumed
                | Kind::SessionTakenOver
                | Kind::SessionExpired
                | Kind::SessionSubscribed
                | Kind::CertificateRegistered
                | Kind::MessagePublish
                | Kind::SourceMessage
                | Kind::MessageDelivered
                | Kind::MessageAcked => None,
            };
            assert_eq!(row.reason.as_deref(), expected, "{kind:?}");
            assert!(serde_json::from_str::<serde_json::Value>(&row.json).unwrap().is_object());
        }
    }

    #[test]
    fn a_gap_stands_in_every_time_line() {
        let gap =
            Gap { timestamp: Timestamp(7), first_seq: Some(3), last_seq: Some(9), count: 5, cause: GapCause::Overflow };
        let row = Row::new(&Item::Gap(gap));
        assert!(matches!(row.client, Client::Everybody));
        let json: serde_json::Value = serde_json::from_str(&row.json).unwrap();
        let expected = serde_json::json!({
            "event": "gap", "timestamp": 7, "first_seq": 3, "last_seq": 9, "count": 5, "cause": "overflow"
        });
        assert_eq!((json, row.seq), (expected, Some(9)));
    }
}
