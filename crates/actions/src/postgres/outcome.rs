//! What an error of PostgreSQL, or of the way to it, means for a batch.

use engine::{ActionError, ErrorClass, Outcome};
use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use crate::connections::{self, one_line};

/// Whether the same may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Yes: it speaks of the server, the way to it, or of what an administrator will mend.
    Retry,
    /// No: it speaks of the row or the statement.
    Reject,
}

/// What `error` means for the batch that met it.
pub(super) fn outcome(error: &Error) -> Outcome {
    let (class, reason) = (class(error), reason(error));
    match fate(error) {
        Fate::Retry => Outcome::Retry { class, reason, after: None },
        Fate::Reject => Outcome::Rejected { class, reason },
    }
}

/// What `error` says to whoever tests the connector.
pub(super) fn action_error(error: &Error) -> ActionError {
    let message = reason(error);
    match error.as_database_error().and_then(|error| help(error.code()?.as_ref())) {
        Some(help) => ActionError::new(message).with_help(help),
        None => ActionError::new(message),
    }
}

/// Whether `error` says that the connection is of no more use.
pub(super) fn breaks_connection(error: &Error) -> bool {
    match error.as_database_error() {
        // 57P01 to 57P03: the server is stopping or starting; 25P03: idle too long; 08: the connection itself.
        Some(error) => error.code().is_none_or(|code| {
            let code = code.as_ref();
            code.starts_with("08") || code.starts_with("57P") || code == "25P03"
        }),
        None => true,
    }
}

/// Whether `error` says that a statement was prepared for a table that has changed since, or is forgotten by the server.
///
/// `0A000`: cached plan must not change result type; `26000`: no such prepared statement (a pooler between); `42804` and
/// `22P03`: the declared types of the parameters are no longer those of the columns.
pub(super) fn is_stale_statement(error: &Error) -> bool {
    sqlstate(error).is_some_and(|code| matches!(code.as_str(), "0A000" | "26000" | "42804" | "22P03"))
}

/// Whether the server cannot read the statement.
pub(super) fn is_syntax_error(error: &Error) -> bool {
    sqlstate(error).as_deref() == Some("42601")
}

fn fate(error: &Error) -> Fate {
    match (sqlstate(error), error) {
        (Some(code), _) => fate_of_sqlstate(&code),
        // What could not be encoded cannot be encoded later.
        (None, Error::Encode(_) | Error::ColumnNotFound(_) | Error::TypeNotFound { .. }) => Fate::Reject,
        (None, _) => Fate::Retry,
    }
}

/// Decides by the class of an SQLSTATE, then by the code (PostgreSQL documentation, appendix A).
///
/// A missing table, schema, database or privilege and a refused password are mended by an administrator, and the rows
/// are good: they wait. A missing column or a value of the wrong type is the statement's or the row's fault.
fn fate_of_sqlstate(code: &str) -> Fate {
    const RETRY_CLASSES: [&str; 6] = ["08", "28", "40", "53", "57", "58"];
    const RETRY_CODES: [&str; 9] = ["25006", "25P03", "26000", "3D000", "3F000", "42501", "42P01", "55006", "55P03"];
    let class = code.get(..2).unwrap_or_default();
    if RETRY_CLASSES.contains(&class) || RETRY_CODES.contains(&code) { Fate::Retry } else { Fate::Reject }
}

/// What kind of error it is.
fn class(error: &Error) -> ErrorClass {
    match (sqlstate(error), error) {
        (Some(code), _) => class_of_sqlstate(&code),
        (None, Error::Encode(_)) => ErrorClass::Data,
        (None, Error::ColumnNotFound(_) | Error::TypeNotFound { .. }) => ErrorClass::Missing,
        (None, Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => ErrorClass::Timeout,
        (None, _) => ErrorClass::Unreachable,
    }
}

fn class_of_sqlstate(code: &str) -> ErrorClass {
    match (code.get(..2).unwrap_or_default(), code) {
        (_, "42501") | ("28", _) => ErrorClass::Unauthorized,
        (_, "42P01" | "42703" | "42704" | "42883" | "3D000" | "3F000") => ErrorClass::Missing,
        ("08", _) => ErrorClass::Unreachable,
        (_, "57014") => ErrorClass::Timeout,
        ("40" | "53" | "57" | "58", _) | (_, "25006" | "25P03" | "26000" | "55006" | "55P03") => {
            ErrorClass::Unavailable
        }
        ("21" | "22", _) | (_, "42804") => ErrorClass::Data,
        ("23" | "44", _) => ErrorClass::Constraint,
        _ => ErrorClass::Refused,
    }
}

fn sqlstate(error: &Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// `relation "events" does not exist (42P01)`, with the detail where the server sends one.
fn reason(error: &Error) -> String {
    let Error::Database(database) = error else { return connections::reason(error) };
    let code = database.code().unwrap_or_default();
    let mut reason = format!("{} ({code})", database.message());
    if let Some(postgres) = database.try_downcast_ref::<PgDatabaseError>() {
        for (name, part) in [("detail", postgres.detail()), ("column", postgres.column()), ("hint", postgres.hint())] {
            if let Some(part) = part {
                reason.push_str(&format!(", {name}: {}", one_line(part)));
            }
        }
    }
    reason
}

fn help(code: &str) -> Option<&'static str> {
    match code {
        "42P01" => Some("create the table, or mend its name; outputs wait until then"),
        "42703" => Some("add the column to the table, or mend its name"),
        "42P10" => Some("create a unique index on the columns that `ON CONFLICT` names, such as `output_id`"),
        "42501" => Some("grant the user of the connector what the statement needs; outputs wait until then"),
        "28P01" | "28000" => Some("look at user and `password` of the connector, and at pg_hba.conf"),
        "3D000" => Some("create the database, or mend its name in the `url` of the connector"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlstate_decides_between_retry_and_reject() {
        for (codes, fate) in [
            (
                &["08006", "28P01", "40001", "40P01", "53300", "57P01", "57014", "58030", "55P03", "25006"][..],
                Fate::Retry,
            ),
            (&["42P01", "42501", "3D000"], Fate::Retry),
            (
                &["22P02", "22001", "22003", "23505", "23502", "23514", "42703", "42804", "42P10", "P0001", "XX000"],
                Fate::Reject,
            ),
        ] {
            for code in codes {
                assert_eq!(fate_of_sqlstate(code), fate, "{code}");
            }
        }
    }

    #[test]
    fn a_sqlstate_says_what_kind_of_error_it_is() {
        for (class, codes) in [
            (ErrorClass::Constraint, &["23505", "23502", "23514"][..]),
            (ErrorClass::Data, &["22P02", "22001", "22003"]),
            (ErrorClass::Missing, &["42P01", "42703", "3D000"]),
            (ErrorClass::Unauthorized, &["28P01", "42501"]),
            (ErrorClass::Unavailable, &["53300", "57P01", "40001"]),
            (ErrorClass::Timeout, &["57014"]),
            (ErrorClass::Refused, &["P0001", "XX000", "42601"]),
        ] {
            for code in codes {
                assert_eq!(class_of_sqlstate(code), class, "{code}");
            }
        }
    }

    #[test]
    fn a_broken_connection_is_for_later_and_closed() {
        let error = Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let (class, reason) = (ErrorClass::Unreachable, "no connection: connection reset".into());
        assert_eq!(outcome(&error), Outcome::Retry { class, reason, after: None });
        assert!(breaks_connection(&error) && !is_stale_statement(&error));
    }
}
