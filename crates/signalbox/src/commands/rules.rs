//! `signalbox rules check|test|eval`.

use std::path::PathBuf;

use engine::{CheckedRule, TestReport};
use serde_json::{Value, json};
use sql::Diagnostic;

use super::rules_eval;
use crate::cli::{Output, Rules, Sources};
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::rule_files::{self, Checked};
use crate::terminal::{complain, say, say_json};

/// Runs the command.
pub(crate) fn run(command: Rules) -> Outcome {
    match command {
        Rules::Check { paths, sources, output } => check(&paths, &sources, output),
        Rules::Test { paths, sources, output } => test(&paths, &sources, output),
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

fn diagnostics(list: &[Diagnostic]) -> Value {
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

fn test(paths: &[PathBuf], sources: &Sources, output: Output) -> Outcome {
    let config = Config::load(&sources.given(Vec::new()))?;
    let rules = rule_files::check(&config, paths)?.or_refuse()?;
    let reports: Vec<(&CheckedRule, Vec<TestReport>)> = rules.iter().map(|rule| (rule, rule.run_tests())).collect();
    let all = || reports.iter().flat_map(|(_, tests)| tests);
    let total_count = all().count();
    let failed_count = all().filter(|test| !test.is_passed()).count();
    if output.json {
        say_json(&json!({
            "passed": total_count - failed_count,
            "failed": failed_count,
            "tests": reports.iter().flat_map(|(rule, tests)| tests.iter().map(|test| json!({
                "rule": rule.id(),
                "name": test.name,
                "passed": test.is_passed(),
                "differences": test.differences,
            }))).collect::<Vec<_>>(),
        }))?;
    } else {
        for (rule, tests) in &reports {
            say_tests(rule, tests)?;
        }
        let tests = if total_count == 1 { "test" } else { "tests" };
        let passed_count = total_count - failed_count;
        say(&format!("{total_count} {tests}: {passed_count} passed, {failed_count} failed"))?;
    }
    if failed_count > 0 { Err(Stop::Found) } else { Ok(()) }
}

fn say_tests(rule: &CheckedRule, tests: &[TestReport]) -> Outcome {
    for test in tests {
        let verdict = if test.is_passed() { "ok" } else { "FAILED" };
        say(&format!("{}: {} ... {verdict}", rule.source().file.display(), test.name))?;
        for difference in &test.differences {
            say(&format!("    {}", difference.replace('\n', "\n    ")))?;
        }
    }
    Ok(())
}
