//! `signalbox config show|check`.

use serde_json::json;

use crate::cli::{self, Output, Sources};
use crate::config::{Config, Setting as _, show_json, show_text};
use crate::outcome::Outcome;
use crate::rights::open_auth;
use crate::rule_files;
use crate::serve::listeners;
use crate::terminal::{complain, say, say_json};

/// Runs the command.
pub(crate) fn run(command: cli::Config) -> Outcome {
    match command {
        cli::Config::Show { sources, output } => {
            let config = Config::load(&sources.given(Vec::new()))?;
            if output.json {
                say_json(&show_json(&config.shown))?
            } else {
                say(&show_text(&config.shown))?
            }
            Ok(())
        }
        cli::Config::Check { sources, output } => check(&sources, output),
    }
}

/// Checks all that can be checked without starting anything, and says what was looked at.
fn check(sources: &Sources, output: Output) -> Outcome {
    let config = Config::load(&sources.given(Vec::new()))?;
    let connectors = config.connectors()?;
    let auth = open_auth(&config)?;
    let certificates_count = listeners::check_certificates(&config)?;
    let checked = rule_files::check(&config, &[])?;
    if checked.refused.is_empty() {
        for warning in checked.rendered() {
            complain(&warning);
        }
    }
    let rules = checked.or_refuse()?;
    let connectors_count = connectors.iter().count();
    let sources_count = config.sources(&connectors)?.iter().count();
    if output.json {
        let users = auth.users_len();
        say_json(
            &json!({ "ok": true, "users": users, "connectors": connectors_count, "sources": sources_count, "rules": rules.len() }),
        )?;
    } else {
        let file = config.source.as_ref().map_or("defaults (no file)", |source| &source.name);
        say(&format!("configuration: {file}, ok"))?;
        say(&format!("users: {}, ok", auth.users_len()))?;
        for (name, authenticator) in &config.authenticators {
            say(&format!("authenticator `{name}`: {}, ok", authenticator.kind().show().trim_matches(['"', '\''])))?;
        }
        say(&format!("acl: {}", if auth.has_acl() { "ok" } else { "none" }))?;
        say(&format!("listeners: {}, ok; {certificates_count} with certificates", config.listeners.len()))?;
        say(&format!("connectors: {connectors_count}, ok"))?;
        say(&format!("sources: {sources_count}, ok"))?;
        say(&format!("rules: {}, ok", rules.len()))?;
    }
    Ok(())
}
