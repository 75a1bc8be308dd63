//! `/api/v5/rule_test`: a rule that is tried on one event, in EMQX's shape. Nothing is kept and nothing is sent.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytestring::ByteString;
use engine::{Compat, Diagnostic, Rows, TrialRefused};
use events::{EventType, Map, SourceTopic, Value, closest, given_column};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};

use super::page::blocking;
use super::rules::RULE;
use crate::Api;
use crate::access::Operator;
use crate::extract::{Body, Named};
use crate::openapi::one_of;
use crate::problem::Problem;

/// The rule, and what is known of its event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleTest)]
pub(crate) struct Asked {
    /// The statement.
    #[schema(example = "SELECT payload.msg AS msg FROM \"t/#\"")]
    sql: String,
    /// The fields of the event, and its kind under `event_type`: `message_publish`, `client_connected`.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: serde_json::Map<String, serde_json::Value>,
    /// Whose events the rule is written for: this is EMQX's path.
    #[schema(schema_with = compats, required = false)]
    compat: Option<Compat>,
}

/// Tries a rule on an event
///
/// Answers the row of a SELECT as an object, the rows of a FOREACH as a list. Nothing is kept and nothing is sent.
#[utoipa::path(post, path = "/api/v5/rule_test", tag = "rules", operation_id = "test", request_body = Asked,
    responses((status = 200, description = "What it selects", body = serde_json::Value),
        (status = 412, description = "It selects nothing, and why: `NOT_MATCH`", body = Problem)), security(("bearer" = ["operator"])))]
pub(crate) async fn run(
    _operator: Operator,
    State(api): State<Api>,
    Body(Asked { sql, context, compat }): Body<Asked>,
) -> Result<Json<Box<RawValue>>, Problem> {
    let fields = fields_of(&context)?;
    let compat = compat.unwrap_or(Compat::Emqx);
    blocking(move || match api.engine.try_sql(&sql, compat, &fields) {
        Ok(rows) => Ok(Json(in_json(&rows))),
        Err(refused) => Err(problem(refused, &sql)),
    })
    .await?
}

/// Whose events a rule can be written for.
pub(super) fn compats() -> RefOr<Schema> {
    let nothing = ObjectBuilder::new().schema_type(Type::Null);
    RefOr::T(Schema::OneOf(OneOfBuilder::new().item(one_of(["emqx", "signalbox"])).item(nothing).build()))
}

/// What a stored rule is tried with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StoredRuleTest)]
pub(crate) struct AskedOfStored {
    /// The fields of the event, and its kind under `event_type`.
    #[serde(default)]
    context: serde_json::Map<String, serde_json::Value>,
    /// EMQX can have the actions send, too. Here nothing is ever sent.
    stop_action_after_template_rendering: Option<bool>,
}

/// Tries a rule that is there on one event
///
/// Nothing is kept and nothing is sent.
#[utoipa::path(post, path = "/api/v5/rules/{id}/test", tag = "rules", operation_id = "test_stored",
    params(("id" = String, Path, description = RULE)), request_body = AskedOfStored,
    responses((status = 200, description = "The row of a SELECT as an object, the rows of a FOREACH as a list", body = serde_json::Value),
        (status = 412, description = "The rule makes no row of it, and why: `NOT_MATCH`", body = Problem)),
    security(("bearer" = ["operator"])))]
pub(crate) async fn run_stored(
    _operator: Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
    Body(asked): Body<AskedOfStored>,
) -> Result<Json<Box<RawValue>>, Problem> {
    if asked.stop_action_after_template_rendering == Some(false) {
        return Err(Problem::bad_request("a test sends nothing, so `stop_action_after_template_rendering` is true")
            .help("publish a message that the rule listens to"));
    }
    let fields = fields_of(&asked.context)?;
    blocking(move || {
        let absent = || Problem::new(StatusCode::NOT_FOUND, "RULE_NOT_FOUND", format!("there is no rule `{id}`"));
        let sql = api.engine.rule(&id).ok_or_else(absent)?.sql;
        match api.engine.try_rule(&id, &fields).ok_or_else(absent)? {
            Ok(rows) => Ok(Json(in_json(&rows))),
            Err(refused) => Err(problem(refused, &sql)),
        }
    })
    .await?
}

fn fields_of(context: &serde_json::Map<String, serde_json::Value>) -> Result<Map, Problem> {
    let mut fields = Map::with_capacity(context.len());
    for (name, value) in context {
        let (name, value) = match name.as_str() {
            "event_type" => (ByteString::from_static("event"), event_of_type(value)?),
            name => given_column(name.into(), Value::from_json(value)).map_err(Problem::bad_request)?,
        };
        fields.insert(name, value);
    }
    Ok(fields)
}

/// The name of the event. EMQX writes `client_connected` for `client.connected` here, and `$bridges/mqtt:*` for every
/// source.
fn event_of_type(value: &serde_json::Value) -> Result<Value, Problem> {
    let Some(wanted) = value.as_str() else {
        return Err(Problem::bad_request(format!("expected text for `event_type`, found `{value}`")));
    };
    if let Some(Ok(source)) = SourceTopic::parse(wanted) {
        return Ok(Value::Text(source.as_text().clone()));
    }
    let wanted = &wanted.replacen(SourceTopic::OLD_PREFIX, SourceTopic::PREFIX, 1);
    let dotted = wanted.replacen('_', ".", 1);
    let found = EventType::all().find(|event| event.name == dotted || event.name == wanted);
    let found = found.or_else(|| EventType::by_topic(wanted));
    found.map(|event| Value::from_static(event.name)).ok_or_else(|| {
        let problem = Problem::bad_request(format!("there is no `event_type` `{wanted}`"));
        let near = closest(&dotted, EventType::all().map(|event| event.name));
        match near.map(|name| name.replacen('.', "_", 1)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("`GET /api/v5/rule_events` lists the events"),
        }
    })
}

fn in_json(rows: &Rows) -> Box<RawValue> {
    let json = match rows {
        Rows::One(row) => row.to_json(),
        Rows::Many(rows) => format!("[{}]", rows.iter().map(Map::to_json).collect::<Vec<_>>().join(",")),
        Rows::NoMatch => "[]".to_owned(),
    };
    RawValue::from_string(json).expect("rows are written as JSON")
}

fn problem(refused: TrialRefused, sql: &str) -> Problem {
    match refused {
        TrialRefused::Sql(wrong) => of_diagnostics(&wrong, sql),
        TrialRefused::Failed(error) => of_diagnostics(&[error], sql),
        TrialRefused::Event(wrong) => Problem::bad_request(format!("`context`: {}", wrong.join("; "))),
        TrialRefused::NoMatch(why) => {
            with_help(Problem::new(StatusCode::PRECONDITION_FAILED, "NOT_MATCH", "SQL Not Match"), &why)
        }
    }
}

/// Everything that is wrong, each with its place in the SQL.
fn of_diagnostics(wrong: &[Diagnostic], sql: &str) -> Problem {
    let placed = |diagnostic: &Diagnostic| {
        let (line, column) = diagnostic.position(sql, 0);
        format!("line {line}, column {column}: {}", diagnostic.message)
    };
    let problem = Problem::bad_request(wrong.iter().map(placed).collect::<Vec<_>>().join("; "));
    let helps: Vec<String> = wrong.iter().filter_map(|diagnostic| diagnostic.help.clone()).collect();
    with_help(problem, &helps)
}

fn with_help(problem: Problem, helps: &[String]) -> Problem {
    if helps.is_empty() { problem } else { problem.help(helps.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_type_is_read_as_emqx_writes_it_and_as_rules_do() {
        for wanted in ["delivery_dropped", "delivery.dropped", "$events/delivery_dropped"] {
            assert_eq!(event_of_type(&wanted.into()).unwrap(), Value::from("delivery.dropped"), "{wanted}");
        }
        for event in EventType::all() {
            assert_eq!(event_of_type(&event.name.replace('.', "_").into()).unwrap(), Value::from(event.name));
        }
        for (wanted, name) in [("$bridges/mqtt:*", "$sources/mqtt:*"), ("$bridges/mqtt:plant", "$sources/mqtt:plant")] {
            assert_eq!(event_of_type(&wanted.into()).unwrap(), Value::from(name));
        }
        assert!(event_of_type(&1.into()).is_err() && event_of_type(&"alarm_activated".into()).is_err());
    }
}
