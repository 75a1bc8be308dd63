//! Outputs and specifications for the tests of this crate.

use std::sync::Arc;

use engine::{ActionSpec, Output, Via};
use events::{EventId, Timestamp};

use crate::test_row::Row;

/// An output with the row that `json` says.
pub(crate) fn output(json: &str) -> Output {
    let Row(row) = serde_json::from_str(json).unwrap();
    Output {
        row: Arc::new(row),
        event_id: EventId::SAMPLE,
        rule: Arc::from("connack"),
        action: Arc::from("action"),
        row_number: 0,
        client_id: Some("pump-17".into()),
        trigger: "$events/client_connack".into(),
        hops: 0,
        created: Timestamp::SAMPLE,
    }
}

/// An action with these options, in a rule whose fields are not known.
pub(crate) fn spec(options: &toml::Table) -> ActionSpec<'_> {
    ActionSpec { rule: "connack", name: "action", via: Via::Kind("test"), options, output_fields: None }
}
