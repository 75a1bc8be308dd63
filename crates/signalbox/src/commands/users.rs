//! `signalbox users add|passwd|import|remove|list`.

use auth::{HashCost, HashFormat, HashKind, ImportedUser, SaltPosition, StoreAs, Users as UserList, UsersFile};
use serde_json::{Value, json};

use super::{audit, password};
use crate::cli::{ImportedHash, ImportedSalt, Output, PasswordFrom, Sources, StoredAs, Users, UsersFormat};
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table};

/// Runs the command.
pub(crate) fn run(command: Users) -> Outcome {
    match command {
        Users::Add { name, roles, password, stored, sources } => {
            let config = load(&sources)?;
            let password = new_password(&name, password, stored)?;
            let mut file = open(&config)?;
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            file.add(&name, password.as_bytes(), &roles, store_as(stored)).map_err(Stop::of_auth)?;
            save(file, &config, &format!("user `{name}` is added"))?;
            audit::note(&config, "users add", &name, json!({ "roles": roles }));
            tell_generated(&password, stored)
        }
        Users::Passwd { name, password, stored, sources } => {
            let config = load(&sources)?;
            let password = new_password(&name, password, stored)?;
            let mut file = open(&config)?;
            file.set_password(&name, password.as_bytes(), store_as(stored)).map_err(Stop::of_auth)?;
            save(file, &config, &format!("the password of `{name}` is changed"))?;
            audit::note(&config, "users passwd", &name, Value::Null);
            tell_generated(&password, stored)
        }
        Users::Import { file, format, hash, salt_position, iterations, sources } => {
            let config = load(&sources)?;
            let text = std::fs::read_to_string(&file)
                .map_err(|cause| Stop::bad_input(format_args!("`{}` cannot be read: {cause}", file.display()), None))?;
            let imported = match format {
                UsersFormat::Mosquitto => ImportedUser::of_mosquitto(&text),
                UsersFormat::Emqx => ImportedUser::of_emqx(&text, hash_format(hash, salt_position, iterations)),
            };
            let imported = imported.map_err(|wrong| {
                Stop::bad_input(
                    format_args!("{}:{}: {}", file.display(), wrong.line, wrong.message),
                    wrong.help.as_deref(),
                )
            })?;
            let mut users = open(&config)?;
            let count = imported.len();
            for user in imported {
                users.import(user).map_err(Stop::of_auth)?;
            }
            save(users, &config, &format!("{count} users are taken over"))?;
            audit::note(&config, "users import", &file.display().to_string(), json!({ "users": count }));
            Ok(())
        }
        Users::Remove { name, sources } => {
            let config = load(&sources)?;
            let mut file = open(&config)?;
            file.remove(&name).map_err(Stop::of_auth)?;
            save(file, &config, &format!("user `{name}` is removed"))?;
            audit::note(&config, "users remove", &name, Value::Null);
            Ok(())
        }
        Users::List { sources, output } => list(&load(&sources)?, output),
    }
}

fn new_password(name: &str, from: PasswordFrom, stored: StoredAs) -> Result<String, Stop> {
    if stored.generate { Ok(auth::generated_password()) } else { password::ask(name, from) }
}

const fn store_as(stored: StoredAs) -> StoreAs {
    match (stored.generate, stored.scram) {
        (true, _) => StoreAs::Digest,
        (false, true) => StoreAs::Scram,
        (false, false) => StoreAs::Argon2id(HashCost::DEFAULT),
    }
}

fn tell_generated(password: &str, stored: StoredAs) -> Outcome {
    if stored.generate {
        complain("its password, shown this once:");
        say(password)?;
    }
    Ok(())
}

const fn hash_format(hash: ImportedHash, salt_position: ImportedSalt, iterations: u32) -> HashFormat {
    HashFormat {
        kind: match hash {
            ImportedHash::Auto => HashKind::Auto,
            ImportedHash::Plain => HashKind::Plain,
            ImportedHash::Sha256 => HashKind::Sha256,
            ImportedHash::Sha512 => HashKind::Sha512,
            ImportedHash::Pbkdf2Sha1 => HashKind::Pbkdf2Sha1,
            ImportedHash::Pbkdf2Sha256 => HashKind::Pbkdf2Sha256,
            ImportedHash::Pbkdf2Sha512 => HashKind::Pbkdf2Sha512,
        },
        salt_position: match salt_position {
            ImportedSalt::Prefix => SaltPosition::Prefix,
            ImportedSalt::Suffix => SaltPosition::Suffix,
            ImportedSalt::Disable => SaltPosition::None,
        },
        iterations,
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
