//! `signalbox connectors test|schema`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actions::{Dialect, Registry};
use engine::{Action, ActionFactory, ActionSpec, ConfigError, Engine, EngineConfig, SourceStatus, Via};
use serde_json::{Value, json};

use crate::cli::{Connectors, Output, Sources};
use crate::clock;
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::rule_files;
use crate::terminal::{complain, say, say_json};

/// What came of reaching for one other side.
#[derive(Debug)]
struct Reached {
    /// The connector, or the action and its rule.
    what: String,
    trouble: Option<(String, Option<String>)>,
}

/// Runs the command.
pub(crate) fn run(command: Connectors) -> Outcome {
    match command {
        Connectors::Test { names, sources, output } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(test(&names, &sources, output))
        }
        Connectors::Schema { rule, kind, table, sources } => schema(&rule, kind, table.as_deref(), &sources),
    }
}

/// Prints the table for the rows of a rule.
fn schema(id: &str, dialect: Dialect, table: Option<&str>, sources: &Sources) -> Outcome {
    let config = Config::load(&sources.given(Vec::new()))?;
    let mut checked = rule_files::check(&config, &[])?;
    // What is wrong with other rules is of no interest here.
    checked.refused.retain(|refused| *refused.source.id == *id);
    let rules = checked.or_refuse()?;
    let Some(rule) = rules.iter().find(|rule| rule.id() == id) else {
        let help = match events::closest(id, rules.iter().map(|rule| rule.id())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "see `signalbox rules check`".to_owned(),
        };
        return Err(Stop::bad_input(format_args!("no rule `{id}`"), Some(&help)));
    };
    let Some(fields) = rule.output_fields() else {
        let message = format_args!("the fields of the rule `{id}` are known only when an event is there");
        return Err(Stop::bad_input(message, Some("name them in SELECT instead of `*`")));
    };
    Ok(say(&actions::table_schema(dialect, table.unwrap_or(id), &fields))?)
}

async fn test(names: &[String], sources: &Sources, output: Output) -> Outcome {
    let config = Config::load(&sources.given(Vec::new()))?;
    let connectors = config.connectors()?;
    let known: Vec<&str> = connectors.iter().map(|(name, _)| name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let help = match events::closest(unknown, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("there is none; declare `[connectors.{unknown}]` in the configuration"),
            None => format!("expected one of `{}`", known.join("`, `")),
        };
        return Err(Stop::bad_input(format_args!("no connector `{unknown}`"), Some(&help)));
    }
    let is_asked_for = |name: &str| names.is_empty() || names.iter().any(|asked| asked == name);
    let mut reached = Vec::new();
    for name in known.iter().filter(|name| is_asked_for(name)) {
        let Some(answer) = connectors.check(name).await else { continue };
        let trouble = answer.err().map(|error| (error.message, error.help));
        reached.push(Reached { what: format!("connector {name}"), trouble });
    }
    let listening = config.sources(&connectors)?;
    for (name, _) in listening.iter().filter(|(_, connector)| is_asked_for(connector)) {
        let Some(answer) = listening.check(name).await else { continue };
        let trouble = answer.err().map(|error| (error.message, error.help));
        reached.push(Reached { what: format!("source {name}"), trouble });
    }
    reached.extend(test_actions(&config, (connectors, listening), is_asked_for).await?);
    tell(&reached, output)
}

/// Lets the actions of all rules that use one of the wanted connectors reach for the other side: a database prepares
/// their statements then.
async fn test_actions(
    config: &Config,
    (connectors, listening): (actions::Connectors, actions::Sources),
    is_asked_for: impl Fn(&str) -> bool,
) -> Result<Vec<Reached>, Stop> {
    let Some(directory) = rule_files::directory(config) else { return Ok(Vec::new()) };
    rule_files::check(config, &[])?.or_refuse()?;
    let inner = rule_files::registry(connectors).with_sources(listening);
    let noting = Arc::new(Noting { inner, uses: Mutex::default() });
    let rules = Engine::new(EngineConfig::default(), Arc::<Noting>::clone(&noting), Arc::new(clock::now));
    rules.load_dir(directory)?;
    let uses = noting.uses.lock().expect("nobody panics while it is held").clone();
    let mut reached = Vec::new();
    for Use { rule, action, .. } in uses.iter().filter(|used| is_asked_for(&used.connector)) {
        let Some(answer) = rules.check_action(rule, action).await else { continue };
        let trouble = answer.err().map(|error| (error.message, error.help));
        reached.push(Reached { what: format!("action {action} of rule {rule}"), trouble });
    }
    rules.shutdown(Duration::ZERO).await;
    Ok(reached)
}

/// A rule's use of a connector.
#[derive(Debug, Clone)]
struct Use {
    rule: String,
    action: String,
    connector: String,
}

/// Builds actions and notes which connector each of them uses.
#[derive(Debug)]
struct Noting {
    inner: Registry,
    uses: Mutex<Vec<Use>>,
}

impl ActionFactory for Noting {
    fn build(&self, spec: &ActionSpec<'_>) -> Result<Box<dyn Action>, Vec<ConfigError>> {
        if let Via::Connector(connector) = spec.via {
            let used = Use { rule: spec.rule.into(), action: spec.name.into(), connector: connector.into() };
            self.uses.lock().expect("nobody panics while it is held").push(used);
        }
        self.inner.build(spec)
    }

    fn sources(&self) -> Vec<SourceStatus> {
        self.inner.sources()
    }
}

fn tell(reached: &[Reached], output: Output) -> Outcome {
    if output.json {
        let list = reached.iter().map(|one| {
            let (message, help) = one.trouble.clone().unzip();
            json!({ "tested": one.what, "ok": one.trouble.is_none(), "message": message, "help": help.flatten() })
        });
        say_json(&Value::Array(list.collect()))?;
    } else {
        if reached.is_empty() {
            complain("there is no connector in the configuration");
        }
        for one in reached {
            match &one.trouble {
                None => say(&format!("{}: ok", one.what))?,
                Some((message, help)) => {
                    say(&format!("{}: {message}", one.what))?;
                    if let Some(help) = help {
                        say(&format!("  help: {help}"))?;
                    }
                }
            }
        }
    }
    if reached.iter().any(|one| one.trouble.is_some()) { Err(Stop::Found) } else { Ok(()) }
}
