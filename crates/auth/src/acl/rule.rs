//! Rules in an order, the first that fits decides: what a token, a service, a database or the built-in store says.

use std::sync::Arc;

use bytestring::ByteString;
use mqtt::filter::{has_wildcards, matches};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cover::{covers, overlaps};
use super::names::{Names, fill};
use super::permissions::{Effect, Reach};

/// Rules of one token or answer, and levels of their filters together: what a stranger may make the broker hold.
pub(crate) const RULES_MAX: usize = 1_000;

/// What a rule is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Messages of the client.
    Publish,
    /// Subscriptions, and what is delivered for them.
    Subscribe,
    /// Both.
    #[default]
    All,
}

impl Action {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Publish => "publish",
            Action::Subscribe => "subscribe",
            Action::All => "all",
        }
    }

    pub(crate) const fn publishes(self) -> bool {
        matches!(self, Action::Publish | Action::All)
    }

    pub(crate) const fn subscribes(self) -> bool {
        matches!(self, Action::Subscribe | Action::All)
    }
}

/// A rule, with places for the names of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(crate) effect: Effect,
    pub(crate) action: Action,
    /// `eq` before the filter: it stands for itself, wildcards and all.
    pub(crate) is_literal: bool,
    pub(crate) filter: ByteString,
    /// The qualities of service it is about; bit 0 is QoS 0.
    pub(crate) qos: u8,
    /// Whether it is about retained messages only, about others only, or about both.
    pub(crate) retain: Option<bool>,
}

/// What a client wants to do with a message.
#[derive(Clone, Copy, Debug)]
pub struct Publishing<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The quality of service, 0 to 2.
    pub qos: u8,
    /// Whether it is to be retained.
    pub retain: bool,
}

impl Rule {
    /// A rule for every QoS, retained or not. `filter` may begin with `eq `.
    pub(crate) fn new(effect: Effect, action: Action, filter: &str) -> Result<Rule, String> {
        let (is_literal, filter) = filter.strip_prefix("eq ").map_or((false, filter), |rest| (true, rest.trim()));
        match mqtt::Filter::parse(filter) {
            Ok(parsed) if parsed.share().is_none() => {
                Ok(Rule { effect, action, is_literal, filter: filter.into(), qos: 0b111, retain: None })
            }
            Ok(_) => Err(format!("expected a topic filter without a share group, found `{filter}`")),
            Err(error) => Err(format!("{error} of `{filter}`")),
        }
    }

    /// The rule as it is for one client; `None` where it says nothing about it.
    pub(super) fn fill(&self, names: Names<'_>) -> Option<Rule> {
        let filter = fill(&self.filter, self.effect == Effect::Deny, names)?;
        Some(Rule { filter, ..self.clone() })
    }

    /// Whether it decides about a message.
    pub(super) fn fits_publish(&self, what: &Publishing<'_>) -> bool {
        self.action.publishes()
            && self.qos & (1 << what.qos) != 0
            && self.retain.is_none_or(|retain| retain == what.retain)
            && self.fits_topic(what.topic)
    }

    /// Whether it decides about the delivery of a message.
    pub(super) fn fits_delivery(&self, topic: &str) -> bool {
        self.action.subscribes() && self.fits_topic(topic)
    }

    /// How much of a subscription it decides about.
    pub(super) fn reach(&self, filter: &str, qos: u8) -> Reach {
        if !self.action.subscribes() || self.qos & (1 << qos) == 0 {
            return Reach::None;
        }
        if self.is_literal && has_wildcards(&self.filter) {
            return if *self.filter == *filter { Reach::Whole } else { Reach::None };
        }
        if covers(&self.filter, filter) {
            Reach::Whole
        } else if overlaps(&self.filter, filter) {
            Reach::Part
        } else {
            Reach::None
        }
    }

    fn fits_topic(&self, topic: &str) -> bool {
        if self.is_literal { *self.filter == *topic } else { matches(&self.filter, topic) }
    }
}

/// Reads rules as EMQX writes them: `{"pub": [...], "sub": [...], "all": [...]}`, or a list of
/// `{"permission", "action", "topic" or "topics", "qos", "retain"}`.
pub(crate) fn rules_of_json(value: &Value) -> Result<Arc<[Rule]>, String> {
    let mut rules = Vec::new();
    match value {
        Value::Object(map) => {
            for (key, filters) in map {
                let action = match key.as_str() {
                    "pub" => Action::Publish,
                    "sub" => Action::Subscribe,
                    "all" => Action::All,
                    found => return Err(format!("expected `pub`, `sub` or `all`, found `{found}`")),
                };
                for filter in texts(filters)? {
                    rules.push(Rule::new(Effect::Allow, action, filter)?);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let Value::Object(item) = item else { return Err(format!("expected a rule, found `{item}`")) };
                rules.append(&mut rules_of_item(item)?);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(format!("expected rules, found `{value}`"));
        }
    }
    if rules.len() > RULES_MAX {
        return Err(format!("expected at most {RULES_MAX} rules, found {}", rules.len()));
    }
    Ok(rules.into())
}

fn rules_of_item(item: &Map<String, Value>) -> Result<Vec<Rule>, String> {
    let (mut effect, mut action, mut filters, mut qos, mut retain) = (None, Action::All, Vec::new(), 0b111, None);
    for (key, value) in item {
        match (key.as_str(), value.as_str()) {
            ("permission", Some("allow")) => effect = Some(Effect::Allow),
            ("permission", Some("deny")) => effect = Some(Effect::Deny),
            ("action", Some(text)) => action = action_of(text)?,
            ("topic" | "topics", _) => filters = texts(value)?,
            ("qos", _) => qos = qos_of(value)?,
            ("retain", Some("all")) => retain = None,
            ("retain", None) if value.is_boolean() => retain = value.as_bool(),
            _ => {
                return Err(format!(
                    "expected `permission`, `action`, `topic`, `qos` or `retain`, found `{key}`: {value}"
                ));
            }
        }
    }
    let effect = effect.ok_or("expected a `permission` of `allow` or `deny`, found none")?;
    if filters.is_empty() {
        return Err("expected a `topic`, found none".to_owned());
    }
    filters.into_iter().map(|filter| Ok(Rule { qos, retain, ..Rule::new(effect, action, filter)? })).collect()
}

pub(crate) fn action_of(text: &str) -> Result<Action, String> {
    match text {
        "publish" | "pub" => Ok(Action::Publish),
        "subscribe" | "sub" => Ok(Action::Subscribe),
        "all" | "pubsub" => Ok(Action::All),
        found => Err(format!("expected `publish`, `subscribe` or `all`, found `{found}`")),
    }
}

fn qos_of(value: &Value) -> Result<u8, String> {
    let wrong = || format!("expected QoS 0, 1 or 2, found `{value}`");
    let one = |value: &Value| value.as_u64().filter(|level| *level <= 2).map(|level| 1u8 << level);
    match value {
        Value::Array(levels) => levels
            .iter()
            .try_fold(0, |bits, level| Some(bits | one(level)?))
            .filter(|bits| *bits != 0)
            .ok_or_else(wrong),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            one(value).ok_or_else(wrong)
        }
    }
}

fn texts(value: &Value) -> Result<Vec<&str>, String> {
    let wrong = || format!("expected topic filters, found `{value}`");
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_read_as_emqx_writes_them() {
        let rules = rules_of_json(&json!({"pub": ["a/#"], "sub": "b", "all": ["eq c/#"]})).unwrap();
        assert_eq!(rules.len(), 3);
        assert!(rules.iter().any(|rule| rule.is_literal && rule.action == Action::All && rule.filter == "c/#"));
        let rules = rules_of_json(&json!([
            {"permission": "allow", "action": "publish", "topics": ["a", "b"], "qos": [0, 1], "retain": false},
            {"permission": "deny", "topic": "#"},
        ]))
        .unwrap();
        assert_eq!((rules.len(), rules[0].qos, rules[0].retain), (3, 0b011, Some(false)));
        assert_eq!((rules[2].effect, rules[2].action, rules[2].qos), (Effect::Deny, Action::All, 0b111));
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for (value, message) in [
            (json!({"publish": ["a"]}), "expected `pub`, `sub` or `all`, found `publish`"),
            (json!([{"topic": "a"}]), "expected a `permission` of `allow` or `deny`, found none"),
            (json!([{"permission": "allow"}]), "expected a `topic`, found none"),
            (json!([{"permission": "allow", "topic": "a", "qos": 3}]), "expected QoS 0, 1 or 2, found `3`"),
            (json!("a"), "expected rules, found `\"a\"`"),
            (json!({"pub": ["$share/g/a"]}), "expected a topic filter without a share group, found `$share/g/a`"),
        ] {
            assert_eq!(rules_of_json(&value).unwrap_err(), message);
        }
        assert!(rules_of_json(&json!({"all": vec!["a"; RULES_MAX + 1]})).unwrap_err().contains("at most 1000"));
    }

    #[test]
    fn a_rule_decides_about_what_it_names() {
        let rules = rules_of_json(
            &json!([{"permission": "allow", "action": "publish", "topic": "a/#", "qos": 1, "retain": true}]),
        )
        .unwrap();
        let fits = |topic, qos, retain| rules[0].fits_publish(&Publishing { topic, qos, retain });
        assert!(fits("a/b", 1, true));
        assert!(!fits("a/b", 0, true) && !fits("a/b", 1, false) && !fits("b", 1, true));
        assert!(!rules[0].fits_delivery("a/b"));
    }
}
