//! `signalbox users add|passwd|remove|list`.

use auth::{HashCost, Users as UserList, UsersFile};
use serde_json::{Value, json};

use super::password;
use crate::cli::{Output, Sources, Users};
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table};

/// Runs the command.
pub(crate) fn run(command: Users) -> Outcome {
    match command {
        Users::Add { name, roles, password, sources } => {
            let config = load(&sources)?;
            let password = password::ask(&name, password)?;
            let mut file = open(&config)?;
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            file.add(&name, password.as_bytes(), &roles, &HashCost::default()).map_err(Stop::of_auth)?;
            save(file, &config, &format!("user `{name}` is added"))
        }
        Users::Passwd { name, password, sources } => {
            let config = load(&sources)?;
            let password = password::ask(&name, password)?;
            let mut file = open(&config)?;
            file.set_password(&name, password.as_bytes(), &HashCost::default()).map_err(Stop::of_auth)?;
            save(file, &config, &format!("the password of `{name}` is changed"))
        }
        Users::Remove { name, sources } => {
            let config = load(&sources)?;
            let mut file = open(&config)?;
            file.remove(&name).map_err(Stop::of_auth)?;
            save(file, &config, &format!("user `{name}` is removed"))
        }
        Users::List { sources, output } => list(&load(&sources)?, output),
    }
}

fn load(sources: &Sources) -> Result<Config, Stop> {
    Ok(Config::load(&sources.given(Vec::new()))?)
}

fn open(config: &Config) -> Result<UsersFile, Stop> {
    UsersFile::open(config.auth.users_file.as_path()).map_err(Stop::of_auth)
}

fn save(file: UsersFile, config: &Config, done: &str) -> Outcome {
    file.save().map_err(Stop::of_auth)?;
    complain(&format!("{done} in {}", config.auth.users_file.as_path().display()));
    Ok(())
}

fn list(config: &Config, output: Output) -> Outcome {
    let users = UserList::read(config.auth.users_file.as_path()).map_err(Stop::of_auth)?;
    let rows = users.list();
    if output.json {
        let users = rows.iter().map(
            |(name, roles)| json!({ "name": name, "roles": roles.iter().map(|role| &**role).collect::<Vec<&str>>() }),
        );
        return Ok(say_json(&Value::Array(users.collect()))?);
    }
    let mut lines = vec![vec!["NAME".to_owned(), "ROLES".to_owned()]];
    lines.extend(rows.iter().map(|(name, roles)| {
        vec![(*name).to_owned(), roles.iter().map(|role| &**role).collect::<Vec<&str>>().join(", ")]
    }));
    Ok(say(&table(&lines))?)
}
