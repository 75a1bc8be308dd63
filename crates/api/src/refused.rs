//! What the engine refuses to make, change or remove, as problems.

use axum::http::StatusCode;
use engine::{MakeRefused, Wrong};
use serde_json::{Value, json};

use crate::problem::Problem;

/// Why `what` of that name was not made, changed or removed; `text` is the SQL that was sent.
pub(crate) fn problem(refused: MakeRefused, (what, name): (&str, &str), text: Option<&str>) -> Problem {
    match refused {
        MakeRefused::OwnedByFile { place } => owned_by_file((what, name), &place.display().to_string()),
        MakeRefused::Absent => Problem::not_found(what, name),
        MakeRefused::Condition { revision } => changed((what, name), revision),
        MakeRefused::Wrong { wrong } => of_wrong(&wrong, text),
        MakeRefused::Options(wrong) => {
            let message = wrong.iter().map(|wrong| wrong.message.as_str()).collect::<Vec<_>>().join("; ");
            let errors: Vec<Value> =
                wrong.iter().map(|wrong| json!({ "message": wrong.message, "at": wrong.path.join(".") })).collect();
            with_help(Problem::bad_request(message), wrong.iter().find_map(|wrong| wrong.help.clone()))
                .with("errors", Value::Array(errors))
        }
        MakeRefused::Breaks(rules) => {
            let told: Vec<String> = rules.iter().map(|(rule, why)| format!("`{rule}`: {why}")).collect();
            let names: Vec<&str> = rules.iter().map(|(rule, _)| rule.as_str()).collect();
            Problem::bad_request(format!("rules that use the {what} `{name}` would be wrong: {}", told.join("; ")))
                .with("rules", json!(names))
        }
        MakeRefused::InUse(users) => {
            Problem::bad_request(format!("the {what} `{name}` is used by `{}`", users.join("`, `")))
                .help("change or remove those first")
                .with(if what == "connector" { "channels" } else { "rules" }, json!(users))
        }
        MakeRefused::TooMany => Problem::bad_request(refused.to_string()),
        MakeRefused::Disk(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", refused.to_string())
                .help("nothing was changed; look at the disk of the data directory")
        }
    }
}

/// It is changed where it stands.
pub(crate) fn owned_by_file((what, name): (&str, &str), place: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "READ_ONLY", format!("the {what} `{name}` stands in `{place}`"))
        .help("change it there; what is made over the API needs another name")
}

/// There is one of that name already.
pub(crate) fn already_there((what, name): (&str, &str)) -> Problem {
    let problem = Problem::new(StatusCode::BAD_REQUEST, "ALREADY_EXISTS", format!("there is {what} `{name}` already"));
    problem.help("change it with `PUT`")
}

/// The object is another one than the caller has seen.
fn changed((what, name): (&str, &str), revision: Option<u64>) -> Problem {
    let (detail, help) = match revision {
        Some(revision) => (
            format!("the {what} `{name}` is not as was expected; its tag is `\"{revision}\"`"),
            "read it again, and send the change with its tag in `If-Match`",
        ),
        None => (format!("there is no {what} `{name}` any more"), "leave `If-Match` out to make it"),
    };
    Problem::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", detail).help(help)
}

/// Everything that is wrong, each with its place in the text that was sent.
fn of_wrong(wrong: &[Wrong], text: Option<&str>) -> Problem {
    let mut told = Vec::new();
    let mut errors = Vec::new();
    for Wrong { message, help, code, span } in wrong {
        let place = span.as_ref().zip(text).map(|(span, text)| (span, place_in(text, span.start)));
        match &place {
            Some((_, (line, column))) => told.push(format!("line {line}, column {column}: {message}")),
            None => told.push(message.clone()),
        }
        errors.push(json!({
            "code": code,
            "message": message,
            "help": help,
            "line": place.as_ref().map(|(_, (line, _))| line),
            "column": place.as_ref().map(|(_, (_, column))| column),
            "span": place.as_ref().map(|(span, _)| json!([span.start, span.end])),
        }));
    }
    let helps: Vec<String> = wrong.iter().filter_map(|wrong| wrong.help.clone()).collect();
    let help = if helps.is_empty() { None } else { Some(helps.join("; ")) };
    with_help(Problem::bad_request(told.join("; ")), help).with("errors", Value::Array(errors))
}

/// Line and column of a byte, from 1 on.
fn place_in(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let in_line = before.rsplit_once('\n').map_or(before, |(_, last)| last);
    (line, in_line.chars().count() + 1)
}

fn with_help(problem: Problem, help: Option<String>) -> Problem {
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_line_and_column() {
        assert_eq!(place_in("SELECT\n  grün, x", 0), (1, 1));
        assert_eq!(place_in("SELECT\n  grün, x", 16), (2, 9));
        assert_eq!(place_in("ab", 9), (1, 3));
    }
}
