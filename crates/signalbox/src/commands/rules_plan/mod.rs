//! `signalbox rules plan|apply`: a directory of rules and connectors against what was made over the API of a running
//! broker.
//!
//! `read.rs` reads the directory, `compare.rs` says what has to be done, and here it is told and done.

mod compare;
mod read;

use serde_json::{Value, json};

use super::api::{Api, Call};
use crate::cli::{Output, RulesApply, RulesPlan};
use crate::outcome::{Outcome, Stop};
use crate::terminal::{Paint, complain, say, say_json};

use compare::{Kind, Live, Plan, Step, Task};
use read::Wanted;

/// Rules asked for at once.
const PAGE_LEN: usize = 1_000;

/// Tells what `apply` would do. Exit code 1 where that is something.
pub(crate) fn plan(command: &RulesPlan) -> Outcome {
    let api = Api::new(&command.remote)?;
    let plan = make(&command.dir, command.prune, &api)?;
    tell(&plan, command.output)?;
    if plan.steps.is_empty() { Ok(()) } else { Err(Stop::Found) }
}

/// Does it, step by step, each only if nobody has changed its object since it was read.
pub(crate) fn apply(command: &RulesApply) -> Outcome {
    let api = Api::new(&command.plan.remote)?;
    let plan = make(&command.plan.dir, command.plan.prune, &api)?;
    if !command.plan.output.json {
        tell(&plan, command.plan.output)?;
    }
    for (done, step) in plan.steps.iter().enumerate() {
        if let Err(stop) = take(&api, step) {
            let left = plan.steps.len() - done;
            complain(&format!(
                "{done} of {} steps are done, {left} are left, from `{}` on",
                plan.steps.len(),
                step.name
            ));
            return Err(stop);
        }
    }
    if command.plan.output.json {
        return Ok(say_json(&in_json(&plan))?);
    }
    complain(&format!("{} steps are done", plan.steps.len()));
    Ok(())
}

fn make(dir: &std::path::Path, prune: bool, api: &Api) -> Result<Plan, Stop> {
    let wanted = Wanted::read(dir)?;
    let live = Live { rules: every_rule(api)?, connectors: list_of(&api.get(&["connectors"], &[])?) };
    let plan = compare::plan(&wanted, &live, prune);
    match plan.in_files.first() {
        Some((kind, name, place)) => Err(Stop::bad_input(
            format_args!("the {} `{name}` stands in `{place}` of the broker", kind.name()),
            Some("a file of the broker is changed there; take it out of one of the two"),
        )),
        None => Ok(plan),
    }
}

fn every_rule(api: &Api) -> Result<Vec<Value>, Stop> {
    let mut rules = Vec::new();
    for page in 1.. {
        let answer = api.get(&["rules"], &[("page", page.to_string()), ("limit", PAGE_LEN.to_string())])?;
        rules.extend(list_of(&answer["data"]));
        if answer["meta"]["hasnext"] != true {
            break;
        }
    }
    Ok(rules)
}

fn list_of(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Does one step. Its object is read again for its tag, and has to be what the plan was made of.
fn take(api: &Api, step: &Step) -> Result<(), Stop> {
    let (collection, id) = step.path();
    let path = [collection, id.as_str()];
    let condition = match &step.seen {
        None => ("if-none-match", "*".to_owned()),
        Some(seen) => {
            let now = api.call(Call { method: "GET", path: &path, ..Call::default() })?;
            if !compare::is_as_seen(seen, &now.body) {
                return Err(Stop::bad_input(
                    format_args!("the {} `{}` was changed since the plan was made", step.kind.name(), step.name),
                    Some("run it again"),
                ));
            }
            ("if-match", now.etag.unwrap_or_default())
        }
    };
    let (method, body) = match &step.task {
        Task::Create(body) | Task::Change(body) => ("PUT", Some(body)),
        Task::Delete => ("DELETE", None),
    };
    api.call(Call { method, path: &path, headers: &[(condition.0, &condition.1)], body })?;
    Ok(())
}

fn tell(plan: &Plan, output: Output) -> Result<(), Stop> {
    if output.json {
        return Ok(say_json(&in_json(plan))?);
    }
    let paint = Paint::of_stdout();
    for step in &plan.steps {
        let what = format!("{} {}", step.kind.name(), step.name);
        let line = match &step.task {
            Task::Create(_) => paint.good(&format!("+ {what}")),
            Task::Change(_) => paint.strong(&format!("~ {what}")),
            Task::Delete => paint.bad(&format!("- {what}")),
        };
        let drift = if step.has_drifted { "  (it was changed over the API since it was applied)" } else { "" };
        say(&format!("{line}{drift}"))?;
    }
    let others = if plan.unmanaged.is_empty() {
        String::new()
    } else {
        format!("; made otherwise and left alone: {}", plan.unmanaged.join(", "))
    };
    Ok(say(&format!("{} to do, {} as wanted{others}", plan.steps.len(), plan.as_wanted))?)
}

fn in_json(plan: &Plan) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let task = match &step.task {
            Task::Create(_) => "create",
            Task::Change(_) => "change",
            Task::Delete => "delete",
        };
        json!({ "kind": step.kind.name(), "name": step.name, "do": task, "drift": step.has_drifted })
    });
    json!({ "steps": steps.collect::<Value>(), "as_wanted": plan.as_wanted, "left_alone": plan.unmanaged })
}

impl Kind {
    /// As people call it.
    const fn name(self) -> &'static str {
        match self {
            Kind::Rule => "rule",
            Kind::Connector => "connector",
        }
    }
}
