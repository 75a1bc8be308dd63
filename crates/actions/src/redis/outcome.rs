//! What an answer of a server, or its silence, means for an output.

use std::time::Duration;

use engine::{ActionError, ErrorClass, ItemOutcome, Outcome};
use redis::{ErrorKind, RedisError, ServerError};

/// Why something did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) class: ErrorClass,
    pub(super) reason: String,
    pub(super) help: Option<&'static str>,
    /// Whether the same may succeed later.
    pub(super) is_for_later: bool,
}

impl Failure {
    fn later(class: ErrorClass, reason: String) -> Failure {
        Failure { class, reason, help: None, is_for_later: true }
    }

    pub(super) fn into_outcome(self) -> Outcome {
        let Failure { class, reason, help: _, is_for_later } = self;
        if is_for_later { Outcome::Retry { class, reason, after: None } } else { Outcome::Rejected { class, reason } }
    }

    pub(super) fn into_item(self) -> ItemOutcome {
        let Failure { class, reason, help: _, is_for_later } = self;
        if is_for_later {
            ItemOutcome::Retry { class, reason, after: None }
        } else {
            ItemOutcome::Rejected { class, reason }
        }
    }

    pub(super) fn into_error(self) -> ActionError {
        match self.help {
            Some(help) => ActionError::new(self.reason).with_help(help),
            None => ActionError::new(self.reason),
        }
    }
}

/// The error of something that took too long.
pub(super) fn timed_out(what: &str, limit: Duration) -> Failure {
    Failure::later(ErrorClass::Timeout, format!("{what} within {} ms", limit.as_millis()))
}

/// Why there is no connection.
pub(super) fn of_io(error: &std::io::Error) -> Failure {
    Failure::later(ErrorClass::Unreachable, format!("no connection: {error}"))
}

/// Why there is no connection, where the server was reached.
pub(super) fn of_connecting(error: &RedisError) -> Failure {
    let detail = error.detail().map_or_else(|| error.to_string(), str::to_owned);
    if error.kind() == ErrorKind::AuthenticationFailed || matches!(error.code(), Some("WRONGPASS" | "NOAUTH")) {
        let help = Some(SIGN_IN);
        return Failure { help, ..Failure::later(ErrorClass::Unauthorized, format!("no connection: {detail}")) };
    }
    let class = match error.code() {
        Some(code) => judge(code, &detail).0,
        None => ErrorClass::Unreachable,
    };
    Failure::later(class, format!("no connection: {detail}"))
}

/// Why the connection broke.
pub(super) fn of_breaking(error: &RedisError) -> Failure {
    Failure::later(ErrorClass::Unreachable, format!("connection lost: {error}"))
}

/// What the server says of a command.
pub(super) fn of_refusal(command: &str, error: &ServerError) -> Failure {
    let (code, detail) = (error.code(), error.details().unwrap_or_default());
    let (class, is_for_later) = judge(code, detail);
    let help = match code {
        "NOAUTH" | "WRONGPASS" => Some(SIGN_IN),
        "NOPERM" => {
            Some("grant the user of the connector what the command needs: ACL SETUSER; outputs wait until then")
        }
        "MOVED" | "ASK" => Some("the server belongs to a Redis Cluster, which this connector does not speak"),
        "READONLY" => Some("the server is a replica: let `url` lead to the primary"),
        _ => None,
    };
    Failure { class, reason: format!("`{command}`: {code} {detail}").trim_end().to_owned(), help, is_for_later }
}

/// Whether `error` says that another connection may lead to a server that takes it: after a failover this one leads to
/// what has become a replica.
pub(super) fn is_about_server(error: &ServerError) -> bool {
    matches!(error.code(), "READONLY" | "MASTERDOWN" | "LOADING")
}

const SIGN_IN: &str = "look at `username` and `password` of the connector";

/// Class of an error, and whether the same may succeed later: decided by the word it begins with.
///
/// What an administrator mends waits: memory, disks, replicas, a command that the user may not execute, a script that is
/// not loaded. A value or a key that does not fit does not change by waiting, and neither do the keys that a user may
/// write to.
fn judge(code: &str, detail: &str) -> (ErrorClass, bool) {
    match code {
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" | "READONLY" | "MISCONF" | "NOREPLICAS"
        | "OOM" => (ErrorClass::Unavailable, true),
        "ERR" if detail.starts_with("max number of clients") => (ErrorClass::Unavailable, true),
        "NOAUTH" | "WRONGPASS" | "DENIED" => (ErrorClass::Unauthorized, true),
        "NOPERM" => (ErrorClass::Unauthorized, !detail.contains(" key") && !detail.contains("channel")),
        "NOSCRIPT" => (ErrorClass::Missing, true),
        "MOVED" | "ASK" => (ErrorClass::Refused, true),
        "WRONGTYPE" => (ErrorClass::Data, false),
        "BUSYKEY" | "BUSYGROUP" => (ErrorClass::Constraint, false),
        "ERR" if detail.starts_with("unknown command") => (ErrorClass::Missing, false),
        "ERR" if detail.contains("equal or smaller than the target stream") => (ErrorClass::Constraint, false),
        "ERR"
            if ["not an integer", "not a valid", "not a float", "overflow", "out of range", "syntax error"]
                .iter()
                .any(|words| detail.contains(words)) =>
        {
            (ErrorClass::Data, false)
        }
        _ => (ErrorClass::Refused, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_an_error_decides() {
        for (code, detail, class, is_for_later) in [
            ("LOADING", "Redis is loading the dataset in memory", ErrorClass::Unavailable, true),
            ("READONLY", "You can't write against a read only replica.", ErrorClass::Unavailable, true),
            ("CLUSTERDOWN", "The cluster is down", ErrorClass::Unavailable, true),
            ("OOM", "command not allowed when used memory > 'maxmemory'.", ErrorClass::Unavailable, true),
            ("MISCONF", "Redis is configured to save RDB snapshots", ErrorClass::Unavailable, true),
            ("ERR", "max number of clients reached", ErrorClass::Unavailable, true),
            ("NOPERM", "this user has no permissions to run the 'hset' command", ErrorClass::Unauthorized, true),
            (
                "NOPERM",
                "this user has no permissions to access one of the keys used as arguments",
                ErrorClass::Unauthorized,
                false,
            ),
            ("MOVED", "3999 127.0.0.1:6381", ErrorClass::Refused, true),
            ("WRONGTYPE", "Operation against a key holding the wrong kind of value", ErrorClass::Data, false),
            ("ERR", "value is not an integer or out of range", ErrorClass::Data, false),
            ("ERR", "unknown command 'HSTE'", ErrorClass::Missing, false),
            ("ERR", "wrong number of arguments for 'hset' command", ErrorClass::Refused, false),
        ] {
            assert_eq!(judge(code, detail), (class, is_for_later), "{code} {detail}");
        }
    }
}
