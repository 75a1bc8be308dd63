//! `signalbox rules explain`: why a rule makes the rows of an event that it makes, or none.

mod event_file;
mod report;
mod structured;
mod tree;

use std::path::PathBuf;

use events::{Map, closest};
use sql::Store;

use crate::cli::RulesExplain;
use crate::clock;
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::rule_files;
use crate::terminal::{Paint, say};

/// Runs the command. It is done where the rule made rows of every event, and has found something where it did not.
pub(super) fn run(command: &RulesExplain) -> Outcome {
    let config = Config::load(&command.sources.given(Vec::new()))?;
    let path = path_of(&config, &command.rule)?;
    let rules = rule_files::check(&config, &[path])?.or_refuse()?;
    let Some(rule) = rules.first() else { return Ok(()) };
    let events = match &command.event {
        Some(file) => event_file::read(file)?,
        // Nothing is given, so all of it is the sample.
        None => vec![Map::new()],
    };
    let (store, paint) = (Store::new(), Paint::of_stdout());
    let mut is_first = true;
    let mut has_rows = true;
    for (number, fields) in (1..).zip(&events) {
        let explained =
            rule.explain(fields, clock::now(), &store).map_err(|wrong| refused(&wrong, number, events.len()))?;
        has_rows &= explained.row_count() > 0;
        if command.output.json {
            say(&structured::document(rule, &explained))?;
            continue;
        }
        if !is_first {
            say("")?;
        }
        is_first = false;
        say(&report::text(rule, &explained, command.event.is_none(), &paint))?;
    }
    if has_rows { Ok(()) } else { Err(Stop::Found) }
}

/// The file that is meant: one of that path, or that of the rule in the directory of the rules.
fn path_of(config: &Config, rule: &str) -> Result<PathBuf, Stop> {
    let path = PathBuf::from(rule);
    if path.is_file() {
        return Ok(path);
    }
    let directory = config.root.rules_dir.as_path();
    let in_directory = directory.join(format!("{rule}.sql"));
    if in_directory.is_file() {
        return Ok(in_directory);
    }
    let (sources, _) = engine::read_rules(directory).unwrap_or_default();
    let ids: Vec<&str> = sources.iter().map(|source| &*source.id).collect();
    let message = format!("no file `{rule}` and no rule of that name in `{}`", directory.display());
    let help = match closest(rule, ids.iter().copied()) {
        Some(id) => format!("did you mean `{id}`?"),
        None if ids.is_empty() => "name the directory with `--rules DIR`".to_owned(),
        None => format!("there are `{}`", ids.join("`, `")),
    };
    Err(Stop::bad_input(message, Some(&help)))
}

fn refused(wrong: &[String], number: usize, count: usize) -> Stop {
    let place = if count == 1 { "the event".to_owned() } else { format!("event {number}") };
    Stop::bad_input(format_args!("{place}: {}", wrong.join("\n  ")), None)
}
