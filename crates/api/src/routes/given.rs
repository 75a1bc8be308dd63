//! What was sent of a connector or an action, told back.

use engine::{Made, MadeConnector, SharedAction};
use events::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::secrets::hidden;

/// What the API tells of a connector or an action because it was made over it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Given {
    #[schema(required = false)]
    created_at: String,
    #[schema(required = false)]
    last_modified_at: String,
    /// As it was sent, without secrets.
    #[serde(flatten)]
    sent: Map<String, Value>,
}

/// What is told anew each time, whatever was sent.
const TOLD: [&str; 12] = [
    "type",
    "name",
    "enable",
    "connector",
    "status",
    "status_reason",
    "node_status",
    "rules",
    "actions",
    "source",
    "created_at",
    "last_modified_at",
];

impl Given {
    pub(super) fn of_connector(made: &Made<MadeConnector>) -> Given {
        Given::new(&made.object.given, (made.created_at_ms, made.modified_at_ms))
    }

    pub(super) fn of_action(made: &Made<SharedAction>) -> Given {
        Given::new(&made.object.given, (made.created_at_ms, made.modified_at_ms))
    }

    /// Leaves what a summary tells.
    pub(super) fn without_options(&mut self) {
        self.sent.retain(|name, _| matches!(name.as_str(), "description" | "tags"));
    }

    fn new(given: &Value, (created_at_ms, modified_at_ms): (i64, i64)) -> Given {
        let mut sent = hidden(given).as_object().cloned().unwrap_or_default();
        TOLD.iter().for_each(|name| drop(sent.remove(*name)));
        Given {
            created_at: rfc3339(Timestamp(created_at_ms)),
            last_modified_at: rfc3339(Timestamp(modified_at_ms)),
            sent,
        }
    }
}
