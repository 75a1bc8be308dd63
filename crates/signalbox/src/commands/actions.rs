//! `signalbox actions list|pause|resume|drain|enable|disable`: what runs, and what an operator does to it.

use serde_json::{Value, json};

use super::api::{Api, Call};
use crate::cli::{Actions, Output, Remote};
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table_of};

/// Runs the command.
pub(crate) fn run(command: Actions) -> Outcome {
    match command {
        Actions::List { rule, remote, output } => list(rule.as_deref(), &Api::new(&remote)?, output),
        Actions::Pause { action, rule, remote } => operate(("pause", "paused"), &action, rule.as_deref(), &remote),
        Actions::Resume { action, rule, remote } => operate(("resume", "resumed"), &action, rule.as_deref(), &remote),
        Actions::Drain { action, rule, remote } => operate(("drain", "drained"), &action, rule.as_deref(), &remote),
        Actions::Enable { action, remote } => enable(&action, true, &remote),
        Actions::Disable { action, remote } => enable(&action, false, &remote),
    }
}

/// One line for each action of each rule.
fn list(only: Option<&str>, api: &Api, output: Output) -> Outcome {
    let mut rows = Vec::new();
    for page in 1.. {
        let answer = api.get(&["rules"], &[("page", page.to_string()), ("limit", "1000".to_owned())])?;
        for rule in answer["data"].as_array().into_iter().flatten() {
            let actions = rule["action_details"].as_array().into_iter().flatten();
            rows.extend(actions.filter(|_| only.is_none_or(|only| rule["id"] == only)).map(|action| row(rule, action)));
        }
        if answer["meta"]["hasnext"] != true {
            break;
        }
    }
    if output.json {
        return Ok(say_json(&Value::Array(rows))?);
    }
    let columns = [
        ("RULE", "rule"),
        ("ACTION", "action"),
        ("STATE", "state"),
        ("STATUS", "status"),
        ("IN", "in"),
        ("DELIVERED", "delivered"),
        ("QUEUED", "queued"),
        ("DEAD", "dead"),
        ("DROPPED", "dropped"),
    ];
    Ok(say(&table_of(&columns, &rows))?)
}

fn row(rule: &Value, action: &Value) -> Value {
    let id = format!("{}:{}", action["type"].as_str().unwrap_or_default(), action["name"].as_str().unwrap_or_default());
    let mut row = json!({ "rule": rule["id"], "action": id, "state": action["state"], "status": action["status"] });
    for name in ["in", "delivered", "queued", "in_flight", "dead", "expired", "dropped", "fallen_back"] {
        row[name] = action["ledger"][name].clone();
    }
    row
}

fn operate((operation, done): (&str, &str), action: &str, rule: Option<&str>, remote: &Remote) -> Outcome {
    let api = Api::new(remote)?;
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    match rule {
        Some(rule) => drop(api.post(&["rules", rule, "actions", name, operation], &Value::Null)?),
        None => {
            check_id(action)?;
            drop(api.post(&["actions", action, operation], &Value::Null)?);
        }
    }
    complain(&format!("{action} is {done}"));
    Ok(())
}

fn enable(action: &str, is_enabled: bool, remote: &Remote) -> Outcome {
    check_id(action)?;
    let path = ["actions", action, "enable", if is_enabled { "true" } else { "false" }];
    Api::new(remote)?.call(Call { method: "PUT", path: &path, ..Call::default() })?;
    complain(&format!("{action} is switched {}", if is_enabled { "on" } else { "off" }));
    Ok(())
}

fn check_id(action: &str) -> Result<(), Stop> {
    if action.contains(':') {
        return Ok(());
    }
    let help = "`signalbox actions list` tells them; with `--rule RULE` the name alone will do";
    Err(Stop::bad_input(format_args!("expected `type:name` for the action, found `{action}`"), Some(help)))
}
