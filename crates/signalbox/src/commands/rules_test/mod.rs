//! `signalbox rules test`: the tests in the headers of rule files.

mod diff;
mod junit;

use std::path::Path;
use std::time::Duration;

use engine::{CheckedRule, TestReport};
use serde_json::{Value, json};

use crate::cli::RulesTest;
use crate::clock::Watch;
use crate::config::Config;
use crate::outcome::{Outcome, Stop};
use crate::rule_files;
use crate::terminal::{Paint, complain, say, say_json, shown};

/// The tests of a file that were run.
struct File<'r> {
    rule: &'r CheckedRule,
    runs: Vec<Run>,
}

/// A test that was run.
struct Run {
    report: TestReport,
    took: Duration,
}

/// Runs the command.
pub(super) fn run(command: &RulesTest) -> Outcome {
    let config = Config::load(&command.sources.given(Vec::new()))?;
    let rules = rule_files::check(&config, &command.paths)?.or_refuse()?;
    let files: Vec<File<'_>> = rules.iter().filter_map(|rule| File::run(rule, command)).collect();
    let count = |wanted: fn(&Run) -> bool| files.iter().flat_map(|file| &file.runs).filter(|run| wanted(run)).count();
    let (passed, failed) = (count(|run| run.report.is_passed()), count(|run| !run.report.is_passed()));
    if command.is_filtered() && passed + failed == 0 {
        let help = "`--rule` is the name of a file without `.sql`, `--name` a part of the name of a test";
        return Err(Stop::bad_input("no test is of that rule and name", Some(help)));
    }
    // A report that cannot be written takes nothing from what is said here.
    let written = command.junit.as_ref().map_or(Ok(()), |path| write_junit(path, &junit::document(&files)));
    if command.output.json {
        say_json(&json!({ "passed": passed, "failed": failed, "tests": tests_json(&files) }))?;
    } else {
        say_files(&files)?;
        let tests = if passed + failed == 1 { "test" } else { "tests" };
        say(&format!("{} {tests}: {passed} passed, {failed} failed", passed + failed))?;
    }
    written?;
    if failed > 0 { Err(Stop::Found) } else { Ok(()) }
}

impl<'r> File<'r> {
    /// The tests that were asked for; `None` where the rule was not.
    fn run(rule: &'r CheckedRule, command: &RulesTest) -> Option<File<'r>> {
        if !command.only.is_empty() && command.only.iter().all(|wanted| wanted != rule.id()) {
            return None;
        }
        let is_wanted = |name: &str| command.name.as_ref().is_none_or(|part| name.contains(part.as_str()));
        let run = |test: &engine::RuleTest| {
            let watch = Watch::start();
            let report = test.run(rule);
            Run { report, took: watch.elapsed() }
        };
        let runs: Vec<Run> = rule.tests().iter().filter(|test| is_wanted(test.name())).map(run).collect();
        (command.name.is_none() || !runs.is_empty()).then_some(File { rule, runs })
    }

    fn name(&self) -> String {
        self.rule.source().file.display().to_string()
    }
}

fn say_files(files: &[File<'_>]) -> Outcome {
    let paint = Paint::of_stdout();
    for file in files {
        if file.runs.is_empty() {
            say(&format!("{}: no tests", file.name()))?;
        }
        for run in &file.runs {
            let verdict = if run.report.is_passed() { paint.good("ok") } else { paint.bad("FAILED") };
            say(&format!("{}: {} ... {verdict}", file.name(), shown(&run.report.name)))?;
            for line in diff::lines(&run.report, &paint) {
                say(format!("    {line}").trim_end())?;
            }
        }
    }
    if files.is_empty() {
        complain("there are no rules");
    }
    Ok(())
}

fn tests_json(files: &[File<'_>]) -> Vec<Value> {
    let test = |file: &File<'_>, run: &Run| {
        json!({
            "rule": file.rule.id(),
            "file": file.rule.source().file,
            "name": run.report.name,
            "passed": run.report.is_passed(),
            "differences": run.report.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "why": run.report.why,
        })
    };
    files.iter().flat_map(|file| file.runs.iter().map(move |run| test(file, run))).collect()
}

fn write_junit(path: &Path, document: &str) -> Outcome {
    std::fs::write(path, document).map_err(|cause| {
        Stop::bad_input(format_args!("the report `{}` cannot be written: {cause}", path.display()), None)
    })
}
