//! What an error of MariaDB or MySQL, or of the way to it, means for a batch.

use engine::{ActionError, ErrorClass, Outcome};
use sqlx::Error;
use sqlx::mysql::MySqlDatabaseError;

use crate::connections;

/// What `error` means for the batch that met it.
pub(super) fn outcome(error: &Error) -> Outcome {
    let (class, is_for_later) = judge(error);
    let reason = reason(error);
    if is_for_later { Outcome::Retry { class, reason, after: None } } else { Outcome::Rejected { class, reason } }
}

/// What `error` says to whoever tests the connector.
pub(super) fn action_error(error: &Error) -> ActionError {
    let message = reason(error);
    match number(error).and_then(help) {
        Some(help) => ActionError::new(message).with_help(help),
        None => ActionError::new(message),
    }
}

/// Whether `error` says that the connection is of no more use.
pub(super) fn breaks_connection(error: &Error) -> bool {
    // 1053: the server is stopping; 1153: the packet was too large; 1158 to 1161: the network; 1927: killed.
    number(error).is_none_or(|number| matches!(number, 1_053 | 1_153 | 1_158..=1_161 | 1_927))
}

/// Whether `error` speaks of a value that does not fit its column: what is known of the columns may be out of date.
pub(super) fn is_about_value(error: &Error) -> bool {
    matches!(number(error), Some(1_292 | 1_366))
}

fn judge(error: &Error) -> (ErrorClass, bool) {
    match (number(error), error) {
        (Some(number), _) => judge_number(number),
        // What could not be encoded cannot be encoded later.
        (None, Error::Encode(_)) => (ErrorClass::Data, false),
        (None, Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => (ErrorClass::Timeout, true),
        (None, _) => (ErrorClass::Unreachable, true),
    }
}

/// Class of an error, and whether the same may succeed later, by its number (MariaDB error codes; those of MySQL are the
/// same below 1,900 and from 3,000 on).
///
/// A missing table, database or privilege and a refused password are mended by an administrator, and the rows are good:
/// they wait. A missing column or a value of the wrong type is the statement's or the row's fault.
const fn judge_number(number: u16) -> (ErrorClass, bool) {
    match number {
        // Too many connections, read-only, full, out of memory, locked by others, stopping, changed since it was read.
        1_020 | 1_021 | 1_037 | 1_038 | 1_040 | 1_041 | 1_053 | 1_114 | 1_180 | 1_203 | 1_205 | 1_213 | 1_226
        | 1_290 | 1_317 | 1_615 | 1_836 | 1_927 => (ErrorClass::Unavailable, true),
        1_158..=1_161 => (ErrorClass::Unreachable, true),
        1_969 | 3_024 => (ErrorClass::Timeout, true),
        1_044 | 1_045 | 1_129 | 1_130 | 1_142 | 1_143 | 1_227 | 1_370 | 1_698 | 1_820 | 1_862 => {
            (ErrorClass::Unauthorized, true)
        }
        1_049 | 1_146 => (ErrorClass::Missing, true),
        1_054 | 1_305 => (ErrorClass::Missing, false),
        1_048 | 1_062 | 1_169 | 1_216 | 1_217 | 1_364 | 1_451 | 1_452 | 1_557 | 1_586 | 3_819 | 4_025 => {
            (ErrorClass::Constraint, false)
        }
        // The statement of `columns` runs into it where a row is there under another `output_id`.
        ANOTHER_KEY => (ErrorClass::Constraint, false),
        1_153 | 1_264 | 1_265 | 1_292 | 1_300 | 1_365 | 1_366 | 1_367 | 1_406 | 1_411 | 1_690 | 3_140 | 4_038 => {
            (ErrorClass::Data, false)
        }
        _ => (ErrorClass::Refused, false),
    }
}

/// A subquery has more than one row.
const ANOTHER_KEY: u16 = 1_242;

fn number(error: &Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// `Table 'fleet.events' doesn't exist (1146, 42S02)`.
fn reason(error: &Error) -> String {
    if let Some(database) = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>()) {
        let (number, sqlstate) = (database.number(), database.code().unwrap_or_default());
        let message = match number {
            ANOTHER_KEY => "a unique key other than that of `output_id` is there already",
            _ => database.message(),
        };
        return format!("{message} ({number}, {sqlstate})");
    }
    connections::reason(error)
}

const fn help(number: u16) -> Option<&'static str> {
    match number {
        1_146 => Some("create the table, or mend its name; outputs wait until then"),
        1_054 => Some("add the column to the table, or mend its name"),
        1_142 | 1_143 | 1_044 => {
            Some("grant the user of the connector what the statement needs; outputs wait until then")
        }
        1_045 | 1_698 => Some("look at user and `password` of the connector, and from which host the user may come"),
        1_049 => Some("create the database, or mend its name in the `url` of the connector"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_error_decides() {
        for (class, is_for_later, numbers) in [
            (ErrorClass::Unavailable, true, &[1_040, 1_205, 1_213, 1_053, 1_290, 1_114][..]),
            (ErrorClass::Unauthorized, true, &[1_045, 1_142]),
            (ErrorClass::Missing, true, &[1_146, 1_049]),
            (ErrorClass::Missing, false, &[1_054, 1_305]),
            (ErrorClass::Constraint, false, &[1_062, 1_048, 1_452, 4_025]),
            (ErrorClass::Data, false, &[1_264, 1_292, 1_366, 1_406, 1_153]),
            (ErrorClass::Refused, false, &[1_064, 1_644]),
        ] {
            for number in numbers {
                assert_eq!(judge_number(*number), (class, is_for_later), "{number}");
            }
        }
    }

    #[test]
    fn a_broken_connection_is_for_later_and_closed() {
        let error = Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let (class, reason) = (ErrorClass::Unreachable, "no connection: connection reset".into());
        assert_eq!(outcome(&error), Outcome::Retry { class, reason, after: None });
        assert!(breaks_connection(&error) && !is_about_value(&error));
    }
}
