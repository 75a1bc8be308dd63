//! `signalbox keys add|disable|enable|expire|remove|list`.

use std::time::Duration;

use auth::{ApiKey, KeysFile, Role};
use events::Timestamp;
use serde_json::{Value, json};

use super::audit;
use crate::cli::{Keys, Output, Sources};
use crate::clock;
use crate::config::Config;
use crate::data_dir;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table_of};

/// Runs the command.
pub(crate) fn run(command: Keys) -> Outcome {
    match command {
        Keys::Add { name, role, time, description, sources, output } => add(&name, role, &sources, output, |key| {
            key.expires = time.map(after);
            key.describe(&description).map_err(Stop::of_auth)
        }),
        Keys::Disable { name, sources } => {
            change("keys disable", &name, &sources, "is disabled", |key| key.is_enabled = false)
        }
        Keys::Enable { name, sources } => {
            change("keys enable", &name, &sources, "is enabled", |key| key.is_enabled = true)
        }
        Keys::Expire { name, time, sources } => {
            let expires = after(time.unwrap_or_default());
            let words = format!("expires at {}", clock::iso(expires));
            change("keys expire", &name, &sources, &words, |key| key.expires = Some(expires))
        }
        Keys::Remove { name, sources } => {
            let (config, mut file) = open(&sources)?;
            file.remove(&name).map_err(Stop::of_auth)?;
            file.save().map_err(Stop::of_auth)?;
            audit::note(&config, "keys remove", &name, Value::Null);
            complain(&format!("key `{name}` is removed"));
            Ok(())
        }
        Keys::List { sources, output } => list(&sources, output),
    }
}

/// The time that it is then.
fn after(time: Duration) -> Timestamp {
    Timestamp(clock::now().0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
}

fn add(name: &str, role: Role, sources: &Sources, output: Output, set: impl FnOnce(&mut ApiKey) -> Outcome) -> Outcome {
    let (config, mut file) = open(sources)?;
    let key = file.add(name, role, clock::now()).map_err(Stop::of_auth)?;
    set(file.key(name).map_err(Stop::of_auth)?)?;
    file.save().map_err(Stop::of_auth)?;
    audit::note(&config, "keys add", name, json!({ "role": role.name() }));
    if output.json {
        say_json(&json!({ "name": name, "role": role.name(), "key": key.secret() }))?;
    } else {
        complain(&format!("key `{name}` is added with the role `{}`; it is shown this once:", role.name()));
        say(key.secret())?;
    }
    Ok(())
}

fn change(command: &str, name: &str, sources: &Sources, words: &str, set: impl FnOnce(&mut ApiKey)) -> Outcome {
    let (config, mut file) = open(sources)?;
    set(file.key(name).map_err(Stop::of_auth)?);
    file.save().map_err(Stop::of_auth)?;
    audit::note(&config, command, name, Value::Null);
    complain(&format!("key `{name}` {words}"));
    Ok(())
}

fn open(sources: &Sources) -> Result<(Config, KeysFile), Stop> {
    let config = Config::load(&sources.given(Vec::new()))?;
    let data = config.root.data_dir.as_path();
    // The broker may never have been started yet.
    data_dir::create(data)?;
    let file = KeysFile::open(&data_dir::keys_file(data)).map_err(Stop::of_auth)?;
    Ok((config, file))
}

fn list(sources: &Sources, output: Output) -> Outcome {
    let config = Config::load(&sources.given(Vec::new()))?;
    let keys = KeysFile::read(&data_dir::keys_file(config.root.data_dir.as_path())).map_err(Stop::of_auth)?;
    let now = clock::now();
    let state = |key: &ApiKey| match key.is_expired(now) {
        true => "expired",
        false if key.is_enabled => "enabled",
        false => "disabled",
    };
    if output.json {
        let keys = keys.iter().map(|key| {
            json!({ "name": &*key.name, "role": key.role.name(), "state": state(key), "created": key.created.0,
                "expires": key.expires.map(|expires| expires.0), "description": key.description() })
        });
        return Ok(say_json(&Value::Array(keys.collect()))?);
    }
    let rows: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!({ "name": &*key.name, "role": key.role.name(), "state": state(key), "made": clock::iso(key.created),
                "expires": key.expires.map_or_else(|| "never".to_owned(), clock::iso), "for": key.description() })
        })
        .collect();
    let columns = [
        ("NAME", "name"),
        ("ROLE", "role"),
        ("STATE", "state"),
        ("MADE", "made"),
        ("EXPIRES", "expires"),
        ("FOR", "for"),
    ];
    Ok(say(&table_of(&columns, &rows))?)
}
