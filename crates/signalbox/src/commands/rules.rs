//! `signalbox rules check`, and the way to the other commands around rules.

use std::path::PathBuf;

use serde_json::{Value, json};
use sql::Diagnostic;

use super::{rules_eval, rules_explain, rules_from_emqx, rules_plan, rules_test};
use crate::cli::{Output, Rules, Sources};
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::rule_files::{self, Checked};
use crate::terminal::{complain, say, say_json};

/// Runs the command.
pub(crate) fn run(command: Rules) -> Outcome {
    match command {
        Rules::Check(command) => match &command.from_emqx {
            Some(export) => rules_from_emqx::run(export, command.write.as_deref(), command.output.json),
            None => check(&command.paths, &command.sources, command.output),
        },
        Rules::Test(command) => rules_test::run(&command),
        Rules::Plan(command) => rules_plan::plan(&command),
        Rules::Apply(command) => rules_plan::apply(&command),
        Rules::Explain(command) => rules_explain::run(&command),
        Rules::Eval => rules_eval::run(),
    }
}

fn check(paths: &[PathBuf], sources: &Sources, output: Output) -> Outcome {
    let config = Config::load(&sources.given(Vec::new()))?;
    let checked = rule_files::check(&config, paths)?;
    if output.json {
        say_json(&report(&checked))?;
        return if checked.refused.is_empty() { Ok(()) } else { Err(Stop::BadInput(checked.rendered().join("\n\n"))) };
    }
    if checked.refused.is_empty() {
        for warning in checked.rendered() {
            complain(&warning);
        }
    }
    for rule in checked.or_refuse()? {
        say(&format!("{}: ok", rule.source().file.display()))?;
    }
    Ok(())
}

fn report(checked: &Checked) -> Value {
    let good = checked.rules.iter().map(|rule| {
        json!({ "rule": rule.id(), "file": rule.source().file, "ok": true, "diagnostics": diagnostics(rule.warnings()) })
    });
    let refused = checked.refused.iter().map(|rule| {
        json!({ "rule": &*rule.source.id, "file": rule.source.file, "ok": false, "diagnostics": diagnostics(&rule.diagnostics) })
    });
    Value::Array(good.chain(refused).collect())
}

/// What was said, for programs.
pub(super) fn diagnostics(list: &[Diagnostic]) -> Value {
    let shown = list.iter().map(|diagnostic| {
        json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity.name(),
            "message": diagnostic.message,
            "help": diagnostic.help,
            "span": [diagnostic.span.start, diagnostic.span.end],
        })
    });
    Value::Array(shown.collect())
}
