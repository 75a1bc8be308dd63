//! `/api/v5/rules/{rule}/actions/{action}`: what an operator does to an action while it runs.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::Operation;

use crate::Api;
use crate::access::Operator;
use crate::problem::Problem;

/// `POST .../pause`, `.../resume` and `.../drain`.
pub(crate) async fn operate(
    _operator: Operator,
    State(api): State<Api>,
    Path((rule, action, operation)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let operation = match operation.as_str() {
        "pause" => Operation::Pause,
        "resume" => Operation::Resume,
        "drain" => Operation::Drain,
        other => {
            return Err(Problem::not_found("operation", other).help("there are `pause`, `resume` and `drain`"));
        }
    };
    match api.engine.operate_action(&rule, &action, operation) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("action", &format!("{rule}/{action}"))),
    }
}
