//! `signalbox keys add|remove|list`.

use auth::{KeysFile, Role};
use serde_json::{Value, json};

use crate::cli::{Keys, Output, Sources};
use crate::clock;
use crate::config::Config;
use crate::data_dir;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table};

/// Runs the command.
pub(crate) fn run(command: Keys) -> Outcome {
    match command {
        Keys::Add { name, role, sources, output } => add(&name, role, &sources, output),
        Keys::Remove { name, sources } => {
            let mut file = open(&sources)?;
            file.remove(&name).map_err(Stop::of_auth)?;
            file.save().map_err(Stop::of_auth)?;
            complain(&format!("key `{name}` is removed"));
            Ok(())
        }
        Keys::List { sources, output } => list(&sources, output),
    }
}

fn add(name: &str, role: Role, sources: &Sources, output: Output) -> Outcome {
    let mut file = open(sources)?;
    let key = file.add(name, role, clock::now()).map_err(Stop::of_auth)?;
    file.save().map_err(Stop::of_auth)?;
    if output.json {
        say_json(&json!({ "name": name, "role": role.name(), "key": key.secret() }))?;
    } else {
        complain(&format!("key `{name}` is added with the role `{}`; it is shown this once:", role.name()));
        say(key.secret())?;
    }
    Ok(())
}

fn open(sources: &Sources) -> Result<KeysFile, Stop> {
    let config = Config::load(&sources.given(Vec::new()))?;
    let data = config.root.data_dir.as_path();
    // The broker may never have been started yet.
    data_dir::create(data)?;
    KeysFile::open(&data_dir::keys_file(data)).map_err(Stop::of_auth)
}

fn list(sources: &Sources, output: Output) -> Outcome {
    let config = Config::load(&sources.given(Vec::new()))?;
    let keys = KeysFile::read(&data_dir::keys_file(config.root.data_dir.as_path())).map_err(Stop::of_auth)?;
    if output.json {
        let keys =
            keys.iter().map(|key| json!({ "name": &*key.name, "role": key.role.name(), "created": key.created.0 }));
        return Ok(say_json(&Value::Array(keys.collect()))?);
    }
    let mut lines = vec![["NAME", "ROLE", "MADE"].map(str::to_owned).to_vec()];
    lines
        .extend(keys.iter().map(|key| vec![key.name.to_string(), key.role.name().to_owned(), clock::iso(key.created)]));
    Ok(say(&table(&lines))?)
}
