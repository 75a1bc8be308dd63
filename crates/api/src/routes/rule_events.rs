//! `/api/v5/rule_events`: the events that a rule can listen to, with their fields, in EMQX's shape.

use axum::Json;
use events::{EventType, Kind};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Viewer;

/// Under this name EMQX lists messages, whose rules name a filter of topics in FROM.
const MESSAGES: &str = "$events/message_publish";

/// An event that a rule can listen to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleEvent {
    /// What to write in FROM.
    event: &'static str,
    title: Words,
    description: Words,
    /// The fields in the order of `SELECT *`.
    columns: Vec<&'static str>,
    /// What `rule_test` takes in its context: an example and the description by the name of the field.
    #[schema(value_type = BTreeMap<String, Vec<serde_json::Value>>)]
    test_columns: serde_json::Map<String, serde_json::Value>,
    sql_example: String,
}

/// EMQX has two languages. Ours is English under both names, so that whoever looks for the other one finds words.
#[derive(Debug, Serialize, ToSchema)]
struct Words {
    en: String,
    zh: String,
}

/// Lists the events that rules can listen to
#[utoipa::path(get, path = "/api/v5/rule_events", tag = "rules", operation_id = "events",
    responses((status = 200, description = "All of them, with their fields", body = Vec<RuleEvent>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(_viewer: Viewer) -> Json<Vec<RuleEvent>> {
    Json(EventType::all().map(RuleEvent::of).collect())
}

impl RuleEvent {
    fn of(event: &EventType) -> RuleEvent {
        let source = match (event.topic, event.kind) {
            (Some(topic), _) => topic,
            (None, Kind::SourceMessage) => event.name,
            (None, _) => MESSAGES,
        };
        let example = |sample: String| serde_json::from_str::<serde_json::Value>(&sample).expect("a value is JSON");
        // Which event it is stands under `event_type` in the context of a test.
        let given = event.fields.iter().filter(|field| field.name != "event");
        RuleEvent {
            event: source,
            title: Words::of(event.name.replace(['.', '_'], " ")),
            description: Words::of(sentences(event.doc)),
            columns: event.fields.iter().map(|field| field.name).collect(),
            test_columns: given
                .map(|field| {
                    (field.name.to_owned(), json!([example((field.sample)().to_json()), sentences(field.doc)]))
                })
                .collect(),
            sql_example: match (event.topic, event.kind) {
                (Some(topic), _) => format!("SELECT * FROM \"{topic}\""),
                (None, Kind::SourceMessage) => "SELECT * FROM \"$sources/mqtt:plant\"".to_owned(),
                (None, _) => "SELECT payload.temp AS temp, clientid FROM \"plant/#\" WHERE temp > 20".to_owned(),
            },
        }
    }
}

impl Words {
    fn of(en: String) -> Words {
        Words { zh: en.clone(), en }
    }
}

/// The lines of a documentation as one; paragraphs are parted by empty ones.
fn sentences(doc: &[&str]) -> String {
    doc.iter().copied().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
