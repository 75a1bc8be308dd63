//! `signalbox topics receivers`, `signalbox retained list|show|remove` and `signalbox publish`.

use std::io::{IsTerminal as _, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::api::Api;
use crate::cli::{Publish, Retained, Topics};
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table_of};

/// The most a message may have, as in a packet of MQTT.
const PAYLOAD_BYTES_MAX: u64 = 268_435_455;

/// Runs `signalbox topics`.
pub(crate) fn run(command: Topics) -> Outcome {
    let Topics::Receivers { topic, remote, output } = command;
    let answer = Api::new(&remote)?.get(&["receivers"], &[("topic", topic.clone()), ("limit", "10000".to_owned())])?;
    if output.json {
        return Ok(say_json(&answer)?);
    }
    let receivers = rows(&answer);
    if receivers.is_empty() {
        complain(&format!("nobody receives `{topic}`"));
        return Ok(());
    }
    let columns =
        [("CLIENT", "clientid"), ("BY", "topic"), ("QOS", "qos"), ("GROUP", "share_group"), ("CONNECTED", "connected")];
    Ok(say(&table_of(&columns, receivers))?)
}

/// Runs `signalbox retained`.
pub(crate) fn run_retained(command: Retained) -> Outcome {
    match command {
        Retained::List { filter, limit, remote, output } => {
            let query = [("topic", filter), ("limit", limit.to_string())];
            let answer = Api::new(&remote)?.get(&["mqtt", "retainer", "messages"], &query)?;
            if output.json {
                return Ok(say_json(&answer)?);
            }
            let columns = [("TOPIC", "topic"), ("QOS", "qos"), ("BYTES", "payload_bytes"), ("PUBLISHED", "publish_at")];
            say(&table_of(&columns, rows(&answer)))?;
            if answer["meta"]["hasnext"] == true {
                complain("there are more; raise `--limit`, or name a topic filter");
            }
            Ok(())
        }
        Retained::Show { topic, remote } => {
            use std::io::Write as _;
            let found = Api::new(&remote)?.get(&["mqtt", "retainer", "message", &topic], &[])?;
            let payload = found["payload"].as_str().and_then(|payload| STANDARD.decode(payload).ok());
            let mut out = std::io::stdout().lock();
            out.write_all(&payload.unwrap_or_default())?;
            Ok(out.flush()?)
        }
        Retained::Remove { topics, remote } => {
            let api = Api::new(&remote)?;
            for topic in topics {
                api.delete(&["mqtt", "retainer", "message", &topic])?;
                complain(&format!("the retained message of `{topic}` is removed"));
            }
            Ok(())
        }
    }
}

/// Runs `signalbox publish`.
pub(crate) fn publish(command: &Publish) -> Outcome {
    let payload = match &command.message {
        Some(message) => message.clone().into_bytes(),
        None => read_payload()?,
    };
    let body = json!({
        "topic": command.topic,
        "payload": STANDARD.encode(payload),
        "payload_encoding": "base64",
        "qos": command.qos,
        "retain": command.retain,
    });
    let answer = Api::new(&command.remote)?.post(&["publish"], &body)?;
    if command.output.json {
        return Ok(say_json(&answer)?);
    }
    let is_sent = answer["id"].is_string();
    complain(if is_sent { "published" } else { "published, and nobody is subscribed to it" });
    Ok(())
}

fn read_payload() -> Result<Vec<u8>, Stop> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Stop::bad_input("no message", Some("write it behind the topic, or pipe it in")));
    }
    let mut payload = Vec::new();
    stdin.lock().take(PAYLOAD_BYTES_MAX).read_to_end(&mut payload)?;
    Ok(payload)
}

fn rows(answer: &Value) -> &[Value] {
    answer["data"].as_array().map_or(&[], Vec::as_slice)
}
