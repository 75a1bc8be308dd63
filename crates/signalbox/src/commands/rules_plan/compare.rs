//! What is to be done so that what was made over the API is what a directory wants. It looks at nothing else.
//!
//! Whatever is applied carries a mark of what it was: a rule in its `metadata`, a connector in its `tags`. What has a mark
//! and differs from it has drifted; what has none was made otherwise, and is never removed.

use serde_json::{Map, Value, json};

use super::read::{Wanted, mark};

/// What the mark of a connector begins with.
const TAG: &str = "applied:";

/// What was made over the API, as it tells it.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) rules: Vec<Value>,
    pub(super) connectors: Vec<Value>,
}

/// What is to be done, in order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// How many are as they are wanted.
    pub(super) as_wanted: usize,
    /// What was made otherwise and is in no file.
    pub(super) unmanaged: Vec<String>,
    /// What is wanted and stands in a file of the broker, with its place.
    pub(super) in_files: Vec<(Kind, String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connector,
    Rule,
}

#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) task: Task,
    /// Somebody has changed it over the API since it was applied.
    pub(super) has_drifted: bool,
    /// What was there when the plan was made.
    pub(super) seen: Option<Value>,
    /// The type of a connector, which is a part of its identifier.
    of_type: String,
}

#[derive(Debug, PartialEq)]
pub(super) enum Task {
    Create(Value),
    Change(Value),
    Delete,
}

impl Step {
    /// Where its object is in the API.
    pub(super) fn path(&self) -> (&'static str, String) {
        match self.kind {
            Kind::Rule => ("rules", self.name.clone()),
            Kind::Connector => ("connectors", format!("{}:{}", self.of_type, self.name)),
        }
    }
}

/// Connectors first, as rules use them; what is removed last, the other way round.
pub(super) fn plan(wanted: &Wanted, live: &Live, prune: bool) -> Plan {
    let mut plan = Plan::default();
    for (name, options) in &wanted.connectors {
        let body = connector_body(options);
        let of_type = options.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let found = live.connectors.iter().find(|connector| connector["name"] == **name);
        plan.want((Kind::Connector, name, of_type), body, found, connector_differs);
    }
    for (id, text) in &wanted.rules {
        let body = json!({ "text": text, "enable": true, "metadata": { "applied": mark(text.as_bytes()) } });
        let found = live.rules.iter().find(|rule| rule["id"] == **id);
        plan.want((Kind::Rule, id, String::new()), body, found, rule_differs);
    }
    for rule in live.rules.iter().filter(|rule| !wanted.rules.contains_key(name_of(rule, "id"))) {
        plan.leave_or_remove((Kind::Rule, name_of(rule, "id")), rule, prune && rule_mark(rule).is_some());
    }
    for connector in &live.connectors {
        let name = name_of(connector, "name");
        if !wanted.connectors.contains_key(name) {
            plan.leave_or_remove((Kind::Connector, name), connector, prune && connector_mark(connector).is_some());
        }
    }
    plan
}

impl Plan {
    fn want(
        &mut self,
        (kind, name, of_type): (Kind, &str, String),
        body: Value,
        found: Option<&Value>,
        differs: fn(&Value, &Value) -> Difference,
    ) {
        let step =
            |task, has_drifted| Step { kind, name: name.to_owned(), task, has_drifted, seen: found.cloned(), of_type };
        match found {
            None => self.steps.push(step(Task::Create(body), false)),
            Some(found) if found["source"] == "file" => {
                let place = found["file"].as_str().map_or_else(|| format!("[connectors.{name}]"), str::to_owned);
                self.in_files.push((kind, name.to_owned(), place));
            }
            Some(found) => match differs(&body, found) {
                Difference::None => self.as_wanted += 1,
                Difference::Wanted => self.steps.push(step(Task::Change(body), false)),
                Difference::Drift => self.steps.push(step(Task::Change(body), true)),
            },
        }
    }

    fn leave_or_remove(&mut self, (kind, name): (Kind, &str), found: &Value, removes: bool) {
        if found["source"] != "api" {
            return;
        }
        if !removes {
            self.unmanaged.push(name.to_owned());
            return;
        }
        let of_type = name_of(found, "type").to_owned();
        let seen = Some(found.clone());
        self.steps.push(Step { kind, name: name.to_owned(), task: Task::Delete, has_drifted: false, seen, of_type });
    }
}

/// How what is there differs from what is wanted.
enum Difference {
    None,
    /// Only in what is wanted now.
    Wanted,
    /// It is not what was applied, either.
    Drift,
}

fn rule_differs(body: &Value, found: &Value) -> Difference {
    let found_mark = found["text"].as_str().map(|text| mark(text.as_bytes())).filter(|_| found["enable"] == true);
    difference(found_mark.as_deref(), rule_mark(found), rule_mark(body))
}

fn connector_differs(body: &Value, found: &Value) -> Difference {
    // What was applied is not there to be compared, as its secrets are not told: only whether what is told is as wanted.
    let is_as_told = found["enable"] == true
        && body.as_object().into_iter().flatten().all(|(name, value)| {
            matches!(name.as_str(), "tags" | "type") || found.get(name) == Some(&without_secrets(name, value))
        });
    match (is_as_told, connector_mark(found), connector_mark(body)) {
        (true, applied, wanted) if applied == wanted => Difference::None,
        // The mark says that it was applied, and it is not what it was.
        (false, applied, wanted) if applied == wanted => Difference::Drift,
        _ => Difference::Wanted,
    }
}

/// `found`, `applied` and `wanted` are marks of what is there, of what was applied, and of what is wanted.
fn difference(found: Option<&str>, applied: Option<&str>, wanted: Option<&str>) -> Difference {
    match applied {
        Some(_) if found == wanted && applied == wanted => Difference::None,
        Some(_) if found != applied => Difference::Drift,
        Some(_) | None => Difference::Wanted,
    }
}

fn rule_mark(rule: &Value) -> Option<&str> {
    rule["metadata"]["applied"].as_str()
}

fn connector_mark(connector: &Value) -> Option<&str> {
    connector["tags"].as_array()?.iter().find_map(|tag| tag.as_str()?.strip_prefix(TAG))
}

/// A connector as it is sent.
fn connector_body(options: &Map<String, Value>) -> Value {
    let mut body = options.clone();
    let kind = body.remove("kind").unwrap_or_default();
    body.insert("tags".to_owned(), json!([format!("{TAG}{}", mark(json!(options).to_string().as_bytes()))]));
    body.insert("type".to_owned(), kind);
    body.insert("enable".to_owned(), true.into());
    body.into()
}

/// As the API tells it.
fn without_secrets(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) => auth::without_secret(name, text).into(),
        Value::Array(items) => items.iter().map(|item| without_secrets(name, item)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), without_secrets(name, value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Whether an object is what it was when the plan was made.
pub(super) fn is_as_seen(seen: &Value, now: &Value) -> bool {
    ["last_modified_at", "created_at", "source"].iter().all(|name| seen[*name] == now[*name])
}

fn name_of<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(plan: &Plan) -> Vec<String> {
        let task = |step: &Step| match step.task {
            Task::Create(_) => '+',
            Task::Change(_) => '~',
            Task::Delete => '-',
        };
        let drift = |step: &Step| if step.has_drifted { " drift" } else { "" };
        plan.steps.iter().map(|step| format!("{}{}{}", task(step), step.path().1, drift(step))).collect()
    }

    fn rule(id: &str, text: &str, applied: Option<&str>) -> Value {
        let metadata = applied.map(|text| json!({ "applied": mark(text.as_bytes()) }));
        json!({ "id": id, "text": text, "enable": true, "source": "api", "metadata": metadata })
    }

    #[test]
    fn rules_are_made_changed_and_removed_until_they_are_as_wanted() {
        let texts = [("as_wanted", "1"), ("edited", "2"), ("drifted", "1"), ("taken_over", "1"), ("new", "1")];
        let rules = texts.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect();
        let wanted = Wanted { rules, ..Wanted::default() };
        let mut off = rule("as_wanted", "1", Some("1"));
        let live = vec![
            off.clone(),
            rule("edited", "1", Some("1")),
            rule("drifted", "3", Some("1")),
            rule("taken_over", "1", None),
            rule("gone", "1", Some("1")),
            rule("of_others", "1", None),
            json!({ "id": "file", "source": "file" }),
        ];
        let live = Live { rules: live, ..Live::default() };
        let kept = plan(&wanted, &live, false);
        assert_eq!(told(&kept), ["~drifted drift", "~edited", "+new", "~taken_over"]);
        assert_eq!((kept.as_wanted, kept.unmanaged), (1, vec!["gone".to_owned(), "of_others".to_owned()]));
        let pruned = plan(&wanted, &live, true);
        assert_eq!(told(&pruned), ["~drifted drift", "~edited", "+new", "~taken_over", "-gone"]);
        assert_eq!(pruned.unmanaged, ["of_others"]);
        off["enable"] = false.into();
        let only = Wanted { rules: [("as_wanted".to_owned(), "1".to_owned())].into(), ..Wanted::default() };
        let switched_off = plan(&only, &Live { rules: vec![off], ..Live::default() }, false);
        assert_eq!(told(&switched_off), ["~as_wanted drift"]);
    }

    #[test]
    fn a_connector_is_compared_without_knowing_its_secrets() {
        let options = json!({ "kind": "http", "url": "http://h", "headers": { "authorization": "hush" } });
        let Value::Object(options) = options else { panic!() };
        let wanted = Wanted { connectors: [("hook".to_owned(), options.clone())].into(), ..Wanted::default() };
        let mut live = connector_body(&options);
        live["name"] = "hook".into();
        live["source"] = "api".into();
        live["headers"]["authorization"] = "******".into();
        let plan_of = |live: Value| plan(&wanted, &Live { connectors: vec![live], ..Live::default() }, false);
        assert_eq!(told(&plan_of(live.clone())), Vec::<String>::new());
        let with = |name: &str, value: Value| {
            let mut other = live.clone();
            other[name] = value;
            other
        };
        assert_eq!(told(&plan_of(with("url", "http://other".into()))), ["~http:hook drift"]);
        assert_eq!(told(&plan_of(with("tags", json!([])))), ["~http:hook"]);
        let of_file = plan_of(with("source", "file".into()));
        assert_eq!(of_file.in_files, [(Kind::Connector, "hook".to_owned(), "[connectors.hook]".to_owned())]);
    }
}
