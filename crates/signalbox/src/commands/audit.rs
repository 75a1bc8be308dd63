//! `signalbox audit`: who changed what, from the API of the running broker; and what commands add to it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use auth::{Audit, AuditEntry, AuditFrom, AuditLimits};
use serde_json::{Value, json};

use super::api::Api;
use crate::cli;
use crate::config::Config;
use crate::outcome::Outcome;
use crate::terminal::{complain, say, say_json, table_of};
use crate::{clock, duration};

/// Runs the command.
pub(crate) fn run(command: &cli::Audit) -> Outcome {
    let given = [
        ("source", command.by.clone()),
        ("operation_type", command.what.clone()),
        ("like_object", command.object.clone()),
        ("operation_result", command.failed.then(|| "failure".to_owned())),
        ("gte_created_at", command.since.as_deref().map(moment)),
        ("lte_created_at", command.until.as_deref().map(moment)),
        ("limit", Some(command.limit.to_string())),
    ];
    let query: Vec<(&str, String)> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let answer = Api::new(&command.remote)?.get(&["audit"], &query)?;
    if command.output.json {
        return Ok(say_json(&answer)?);
    }
    let entries = answer["data"].as_array().cloned().unwrap_or_default();
    let rows: Vec<Value> = entries.iter().map(row).collect();
    let columns = [
        ("AT", "created_at"),
        ("WHO", "source"),
        ("FROM", "source_ip"),
        ("WHAT", "what"),
        ("OBJECT", "object"),
        ("RESULT", "result"),
    ];
    say(&table_of(&columns, &rows))?;
    if answer["meta"]["hasnext"] == true {
        complain(&format!("{} of {} entries; more with `--limit`", rows.len(), answer["meta"]["count"]));
    }
    Ok(())
}

fn row(entry: &Value) -> Value {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let what = match entry["http_method"].as_str() {
        Some(method) => method.to_uppercase(),
        None => text("operation_id"),
    };
    let result = match (entry["failure"].as_str(), entry["http_status_code"].as_u64()) {
        (Some(failure), Some(status)) => format!("{status} {failure}"),
        (None, Some(status)) => status.to_string(),
        (_, None) => text("operation_result"),
    };
    json!({
        "created_at": entry["created_at"],
        "source": entry["source"],
        "source_ip": entry["source_ip"].as_str().unwrap_or("command"),
        "what": what,
        "object": entry["object"],
        "result": result,
    })
}

/// The time of an option as the API reads it: `2h` is two hours ago.
fn moment(text: &str) -> String {
    let ago_ms = duration::parse(text).ok().and_then(|ago| i64::try_from(ago.as_millis()).ok());
    ago_ms.map_or_else(|| text.to_owned(), |ago_ms| clock::now().0.saturating_sub(ago_ms).to_string())
}

/// The audit log of the data directory.
pub(crate) fn open(config: &Config) -> Audit {
    let limits = AuditLimits {
        age_max_ms: i64::from(config.audit.days) * 86_400_000,
        bytes_max: u64::from(config.audit.mib) << 20,
    };
    Audit::new(config.root.data_dir.as_path(), limits)
}

/// Writes down what a command has changed. A log that cannot be written is told, and stops nothing.
pub(super) fn note(config: &Config, operation: &str, object: &str, after: Value) {
    // The directory is there only where a broker was, or a command that keeps something in it.
    if !config.root.data_dir.as_path().is_dir() {
        return;
    }
    let uid = std::fs::metadata(Path::new("/proc/self")).map_or_else(|_| "?".to_owned(), |own| own.uid().to_string());
    let entry = AuditEntry {
        at_ms: clock::now().0,
        from: AuditFrom::Cli,
        by: format!("uid {uid}"),
        role: None,
        source_ip: None,
        operation: operation.to_owned(),
        method: None,
        object: object.to_owned(),
        status: None,
        is_done: true,
        failure: None,
        duration_ms: 0,
        before: Value::Null,
        after,
    };
    if let Err(cause) = open(config).append(&entry) {
        complain(&format!("warning: the audit log was not written: {cause}"));
    }
}
