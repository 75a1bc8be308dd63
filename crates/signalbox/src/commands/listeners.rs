//! `signalbox listeners`: where clients come in, and how many are there.

use serde_json::json;

use super::api::Api;
use crate::cli::Listeners;
use crate::outcome::Outcome;
use crate::terminal::{say, say_json, table_of};

/// Runs the command.
pub(crate) fn run(command: &Listeners) -> Outcome {
    let answer = Api::new(&command.remote)?.get(&["listeners"], &[])?;
    if command.output.json {
        return Ok(say_json(&answer)?);
    }
    let columns = [
        ("LISTENER", "name"),
        ("KIND", "type"),
        ("ADDRESS", "bind"),
        ("RUNNING", "running"),
        ("CONNECTIONS", "current_connections"),
        ("AT MOST", "max_connections"),
        ("CONNECTS", "max_conn_rate"),
        ("MESSAGES", "messages_rate"),
        ("BYTES", "bytes_rate"),
        ("MOUNTPOINT", "mountpoint"),
    ];
    let listeners = answer.as_array().map_or(&[][..], Vec::as_slice);
    let rows = listeners.iter().map(|listener| {
        let mut row = listener.clone();
        row["running"] = json!(if listener["running"] == true { "yes" } else { "no" });
        for (_, field) in columns.iter().filter(|(_, field)| listener[*field] == "" || listener[*field] == "infinity") {
            row[*field] = json!(null);
        }
        row
    });
    Ok(say(&table_of(&columns, &rows.collect::<Vec<_>>()))?)
}
