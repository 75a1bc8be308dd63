//! What an error of SQLite means for a batch or a row.

use engine::{ActionError, ErrorClass, Outcome};
use rusqlite::{Error, ErrorCode};

/// What `error` means for the batch that met it.
pub(super) fn outcome(error: &Error) -> Outcome {
    if is_about_row(error) || is_about_statement(error) {
        Outcome::Rejected { class: class(error), reason: reason(error) }
    } else {
        Outcome::Retry { class: class(error), reason: reason(error), after: None }
    }
}

/// What kind of error it is.
pub(super) fn class(error: &Error) -> ErrorClass {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) if text.contains("cannot store") => ErrorClass::Data,
        Some(ErrorCode::ConstraintViolation) => ErrorClass::Constraint,
        Some(ErrorCode::TypeMismatch | ErrorCode::TooBig) => ErrorClass::Data,
        Some(ErrorCode::CannotOpen) => ErrorClass::Unreachable,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => ErrorClass::Unauthorized,
        Some(ErrorCode::Unknown) if text.contains("no such") || text.contains("no column named") => ErrorClass::Missing,
        Some(ErrorCode::Unknown) => ErrorClass::Refused,
        Some(_) | None => ErrorClass::Unavailable,
    }
}

/// Whether the row is at fault, and the next one may do.
pub(super) fn is_about_row(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    )
}

/// Whether the statement is at fault, which will not be another one later. A missing table is made by an administrator,
/// and the rows are good: they wait.
fn is_about_statement(error: &Error) -> bool {
    let is_said = matches!(error.sqlite_error_code(), Some(ErrorCode::Unknown));
    is_said && !error.to_string().contains("no such table")
}

/// What `error` says to whoever tests the connector.
pub(super) fn action_error(error: &Error) -> ActionError {
    let message = reason(error);
    let help = if message.contains("no such table") {
        Some("create the table, or mend its name; outputs wait until then")
    } else if message.contains("has no column named") || message.contains("no such column") {
        Some("add the column to the table, or mend its name")
    } else if message.contains("ON CONFLICT clause does not match") {
        Some("create a unique index on the columns that `ON CONFLICT` names, such as `output_id`")
    } else if matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen)) {
        Some("make the file with `sqlite3 FILE \"CREATE TABLE ...\"`, and let the user of signalbox write it")
    } else {
        None
    };
    match help {
        Some(help) => ActionError::new(message).with_help(help),
        None => ActionError::new(message),
    }
}

/// `no connection: unable to open database file`, or what SQLite says as it is.
pub(super) fn reason(error: &Error) -> String {
    let text = if let Error::SqlInputError { msg, .. } | Error::SqliteFailure(_, Some(msg)) = error {
        msg.clone()
    } else {
        error.to_string()
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => format!("no connection: {text}"),
        Some(_) | None => text,
    }
}
