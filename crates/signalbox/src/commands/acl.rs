//! `signalbox acl add|remove|list|forget`: what clients may publish and subscribe.

use std::path::PathBuf;

use auth::{Action, Effect, RulesFile, StoredRule, Whom};
use serde_json::json;

use super::api::Api;
use super::audit;
use crate::cli::{Acl, Output, Permission, RuleTarget, Sources, TopicAction};
use crate::config::Config;
use crate::data_dir;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{complain, say, say_json, table_of};

/// Runs the command.
pub(crate) fn run(command: Acl) -> Outcome {
    match command {
        Acl::Add { permission, action, topic, target, sources } => {
            let (whom, name) = target_of(target);
            let words = whom.in_words(&name);
            let (permission, action) = (effect(permission), self::action(action));
            let (config, path) = path(&sources)?;
            let mut file = RulesFile::open(&path).map_err(Stop::of_auth)?;
            let rule = StoredRule { whom, name, permission, action, topic, qos: None, retain: None };
            let after = json!(rule);
            file.add(rule).map_err(Stop::of_auth)?;
            file.save().map_err(Stop::of_auth)?;
            audit::note(&config, "acl add", &words, after);
            complain(&format!("a rule for {words} is added"));
            Ok(())
        }
        Acl::Remove { topic, target, sources } => {
            let (whom, name) = target_of(target);
            let words = whom.in_words(&name);
            let (config, path) = path(&sources)?;
            let mut file = RulesFile::open(&path).map_err(Stop::of_auth)?;
            let count = file.remove((whom, &name), topic.as_deref());
            if count == 0 {
                let message = format_args!("no such rule for {words}");
                return Err(Stop::bad_input(message, Some("see `signalbox acl list`")));
            }
            file.save().map_err(Stop::of_auth)?;
            audit::note(&config, "acl remove", &words, json!({ "topic": topic, "removed": count }));
            complain(&format!("rules for {words} that are removed: {count}"));
            Ok(())
        }
        Acl::List { sources, output } => list(&sources, output),
        Acl::Forget { remote } => {
            Api::new(&remote)?.delete(&["authorization", "cache"])?;
            complain("services are asked anew what clients may do");
            Ok(())
        }
    }
}

fn path(sources: &Sources) -> Result<(Config, PathBuf), Stop> {
    let config = Config::load(&sources.given(Vec::new()))?;
    let data = config.root.data_dir.as_path();
    // The broker may never have been started yet.
    data_dir::create(data)?;
    let path = data_dir::rules_file(data);
    Ok((config, path))
}

fn target_of(target: RuleTarget) -> (Whom, String) {
    match (target.client, target.user) {
        (Some(client), _) => (Whom::Client, client),
        (None, Some(user)) => (Whom::User, user),
        (None, None) => (Whom::All, String::new()),
    }
}

const fn effect(permission: Permission) -> Effect {
    match permission {
        Permission::Allow => Effect::Allow,
        Permission::Deny => Effect::Deny,
    }
}

const fn action(action: TopicAction) -> Action {
    match action {
        TopicAction::Publish => Action::Publish,
        TopicAction::Subscribe => Action::Subscribe,
        TopicAction::All => Action::All,
    }
}

fn list(sources: &Sources, output: Output) -> Outcome {
    let rules = RulesFile::read(&path(sources)?.1).map_err(Stop::of_auth)?;
    let rows: Vec<_> = rules
        .iter()
        .map(|rule| {
            json!({
                "for": rule.whom.name(),
                "name": rule.name,
                "permission": rule.permission.name(),
                "action": rule.action.name(),
                "topic": rule.topic,
                "qos": rule.qos,
                "retain": rule.retain,
            })
        })
        .collect();
    if output.json {
        return Ok(say_json(&rows.into())?);
    }
    let columns =
        [("FOR", "for"), ("NAME", "name"), ("PERMISSION", "permission"), ("ACTION", "action"), ("TOPIC", "topic")];
    Ok(say(&table_of(&columns, &rows))?)
}
