//! `signalbox rules check --from-emqx`: whether the rules of an EMQX work here, and in what they differ.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use sql::{Diagnostic, Met};

use super::rules::diagnostics;
use crate::emqx::{ActionFinding, ActionOutcome, Export, Finding, Verdict, assess, connectors_of};
use crate::input;
use crate::outcome::{Outcome, Stop};
use crate::terminal::{Paint, complain, say, say_json, shown};

/// The most bytes of an export that are read. An archive may hold much besides the configuration.
const EXPORT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What became of writing a rule file.
enum Fate {
    Written,
    /// A file of that name is there, and stays as it is.
    Kept,
    /// The rule does not work, so there is nothing to write.
    Refused,
}

/// Reads `file`, says what works, and writes rule files into `directory`, where one is given.
pub(super) fn run(file: &Path, directory: Option<&Path>, is_json: bool) -> Outcome {
    let wrong = |what: String| Stop::bad_input(format_args!("the export `{}`: {what}", file.display()), None);
    let bytes = input::read(file, EXPORT_BYTES_MAX).map_err(|cause| wrong(format!("it cannot be read: {cause}")))?;
    let export = Export::read(&bytes).map_err(|what| wrong(shown(&what).into_owned()))?;
    let findings = assess(&export);
    if is_json {
        say_json(&document(&findings))?;
    } else {
        let paint = Paint::of_stdout();
        for finding in &findings {
            say_finding(finding, &paint)?;
        }
        say_connectors(&findings, &paint)?;
        say(&summary(&findings))?;
    }
    if let Some(directory) = directory {
        write_all(&findings, directory)?;
    }
    let is_well = |finding: &Finding| matches!(finding.verdict(), Verdict::Works | Verdict::Differs);
    if findings.iter().all(is_well) { Ok(()) } else { Err(Stop::Found) }
}

fn say_finding(finding: &Finding, paint: &Paint) -> Outcome {
    let verdict = match finding.verdict() {
        Verdict::Works => paint.good("works"),
        Verdict::Differs => paint.strong("works, with differences"),
        Verdict::Lacks if finding.differs() => paint.bad(&format!("works, with differences, but {}", lack(finding))),
        Verdict::Lacks => paint.bad(&format!("works, but {}", lack(finding))),
        Verdict::Fails => paint.bad("does not work"),
    };
    let disabled = if finding.is_enabled { "" } else { " (disabled)" };
    say(&format!("{}{disabled}: {verdict}", paint.strong(&shown(&finding.id))))?;
    for text in finding.diagnostics.iter().map(|diagnostic| shown_diagnostic(finding, diagnostic)) {
        say(&indented(&shown(&text)))?;
    }
    for met in &finding.differences {
        say(&indented(&shown(&shown_difference(finding, met))))?;
    }
    for action in &finding.actions {
        say(&format!("  action {}: {}", shown(&action.id), action_in_words(action, paint)))?;
        for line in action.wrong.iter().chain(&action.notes) {
            say(&format!("    {}", shown(line)))?;
        }
    }
    say("")?;
    Ok(())
}

/// What is missing of a rule that works.
fn lack(finding: &Finding) -> String {
    let is_known = |action: &&ActionFinding| action.outcome != ActionOutcome::NotInExport;
    let (known, unknown): (Vec<_>, Vec<_>) = finding.lost_actions().partition(is_known);
    // Of an action that does not work there is something to say; that the others are not known stands below.
    let (said, lost) = if known.is_empty() { ("nothing is known of", unknown) } else { ("not", known) };
    let names: Vec<String> = lost.iter().map(|action| format!("`{}`", shown(&action.id))).collect();
    format!("{said} its {} {}", if names.len() == 1 { "action" } else { "actions" }, names.join(", "))
}

fn shown_diagnostic(finding: &Finding, diagnostic: &Diagnostic) -> String {
    diagnostic.render(&finding.id, &finding.sql, 0)
}

/// As diagnostics are shown, with what EMQX does and what happens here below the carets.
fn shown_difference(finding: &Finding, met: &Met) -> String {
    let difference = met.difference;
    let head = format!("difference[{}]: {}", difference.key, difference.what);
    let below = format!("EMQX: {}; here: {}", difference.emqx, difference.here);
    sql::render_place(&head, &below, &met.span, &finding.id, &finding.sql)
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn action_in_words(action: &ActionFinding, paint: &Paint) -> String {
    match (&action.outcome, action.verdict()) {
        (ActionOutcome::NotThere, _) => paint.bad("there is no such kind of action here yet"),
        (ActionOutcome::NotInExport, _) => {
            let said = paint.bad("its settings are not in the export");
            format!("{said}; `emqx ctl data export` has them, and so has `cluster.hocon`")
        }
        (ActionOutcome::Here { .. }, Verdict::Fails | Verdict::Lacks) => paint.bad("does not work"),
        (ActionOutcome::Here { .. }, Verdict::Works) => paint.good("works"),
        (ActionOutcome::Here { .. }, Verdict::Differs) => paint.strong("works, with differences"),
    }
}

fn say_connectors(findings: &[Finding], paint: &Paint) -> Outcome {
    let lines = connectors_of(findings);
    if lines.is_empty() {
        return Ok(());
    }
    say(&paint.strong("Connectors that these rules need, for signalbox.toml; secrets come from the environment:"))?;
    for line in lines {
        say(shown(&format!("  {line}")).trim_end())?;
    }
    say("")?;
    Ok(())
}

fn summary(findings: &[Finding]) -> String {
    let rules = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict() == verdict).count();
    let actions = || findings.iter().flat_map(|finding| &finding.actions);
    let lost = actions().filter(|action| action.verdict() == Verdict::Fails).count();
    let of_rules = [
        (rules(Verdict::Works), "works", "work"),
        (rules(Verdict::Differs), "works with differences", "work with differences"),
        (rules(Verdict::Lacks), "works but for an action", "work but for an action"),
        (rules(Verdict::Fails), "does not work", "do not work"),
    ];
    let of_actions = [(actions().count() - lost, "works", "work"), (lost, "does not work", "do not work")];
    let mut parts = vec![counted(findings.len(), ("rule", "rules"), &of_rules)];
    if actions().count() > 0 {
        parts.push(counted(actions().count(), ("action", "actions"), &of_actions));
    }
    parts.join("; ")
}

/// `3 rules: 2 work, 1 does not work`, without those of which there are none.
fn counted(count: usize, (one, many): (&str, &str), parts: &[(usize, &str, &str)]) -> String {
    let said = parts.iter().filter(|(count, ..)| *count > 0);
    let said = said.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }));
    let what = if count == 1 { one } else { many };
    format!("{count} {what}: {}", said.collect::<Vec<_>>().join(", "))
}

fn document(findings: &[Finding]) -> Value {
    let count = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict() == verdict).count();
    json!({
        "rules": findings.iter().map(finding_json).collect::<Vec<_>>(),
        "connectors": connectors_of(findings).join("\n"),
        "summary": {
            "works": count(Verdict::Works),
            "differs": count(Verdict::Differs),
            "lacks_action": count(Verdict::Lacks),
            "fails": count(Verdict::Fails),
        },
    })
}

fn finding_json(finding: &Finding) -> Value {
    let differences = finding.differences.iter().map(|met| {
        json!({
            "key": met.difference.key,
            "span": [met.span.start, met.span.end],
            "text": finding.sql.get(met.span.clone()),
            "what": met.difference.what,
            "emqx": met.difference.emqx,
            "here": met.difference.here,
        })
    });
    let actions = finding.actions.iter().map(|action| {
        json!({
            "id": action.id,
            "verdict": action.verdict().name(),
            "there": match &action.outcome {
                ActionOutcome::Here { .. } => "yes",
                ActionOutcome::NotInExport => "not in the export",
                ActionOutcome::NotThere => "no",
            },
            "wrong": action.wrong,
            "notes": action.notes,
        })
    });
    json!({
        "id": finding.id,
        "enabled": finding.is_enabled,
        "verdict": finding.verdict().name(),
        "sql": finding.sql,
        "diagnostics": diagnostics(&finding.diagnostics),
        "differences": differences.collect::<Vec<_>>(),
        "actions": actions.collect::<Vec<_>>(),
        "rule_file": finding.rule_file,
    })
}

fn write_all(findings: &[Finding], directory: &Path) -> Outcome {
    let wrong = |cause: io::Error| {
        Stop::bad_input(format_args!("`{}` cannot be written into: {cause}", directory.display()), None)
    };
    fs::create_dir_all(directory).map_err(wrong)?;
    let mut kept_count = 0;
    for finding in findings {
        let file = directory.join(format!("{}.sql", finding.file_id));
        match write(finding, &file).map_err(wrong)? {
            Fate::Written => complain(&format!("{}: written", file.display())),
            Fate::Refused => complain(&format!("{}: not written: the rule does not work", file.display())),
            Fate::Kept => {
                kept_count += 1;
                complain(&format!("{}: not written: a file of that name is there", file.display()));
            }
        }
    }
    if kept_count == 0 {
        return Ok(());
    }
    let files = if kept_count == 1 { "file was" } else { "files were" };
    let help = "no file is overwritten; name another directory, or move them away";
    Err(Stop::bad_input(format_args!("{kept_count} {files} there already"), Some(help)))
}

fn write(finding: &Finding, file: &Path) -> io::Result<Fate> {
    if finding.verdict() == Verdict::Fails {
        return Ok(Fate::Refused);
    }
    match OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(mut new) => new.write_all(finding.rule_file.as_bytes()).map(|()| Fate::Written),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(Fate::Kept),
        Err(cause) => Err(cause),
    }
}
