//! Rules that are made by command while the broker runs: one line of JSON for each, in a file of the data directory.
//!
//! ```text
//! {"for":"user","name":"ann","permission":"allow","action":"publish","topic":"up/${clientid}/#"}
//! {"for":"all","permission":"deny","action":"all","topic":"secret/#"}
//! ```
//!
//! Those of a client identifier come first, then those of a user, then those for all; the first that fits decides.

use std::collections::HashMap;
use std::path::Path;

use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use crate::acl::{Action, Effect, Layer, RULES_MAX, Rule};
use crate::error::{AuthError, Fault};
use crate::file::{LockedFile, read_text};
use crate::identity::Identity;

/// Rules in the file.
const STORED_MAX: usize = 100_000;

/// Whom a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whom {
    /// The client with an identifier.
    Client,
    /// The clients of a user.
    User,
    /// All clients.
    All,
}

impl Whom {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Whom::Client => "client",
            Whom::User => "user",
            Whom::All => "all",
        }
    }

    /// Whom it is for, for people.
    pub fn in_words(self, name: &str) -> String {
        match self {
            Whom::All => "all clients".to_owned(),
            Whom::Client | Whom::User => format!("the {} `{name}`", self.name()),
        }
    }
}

/// Whom rules are for, and the identifier or user name of that; empty for all.
pub type Target<'a> = (Whom, &'a str);

/// A rule as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredRule {
    /// Whom it is for.
    #[serde(rename = "for")]
    pub whom: Whom,
    /// The identifier or user name; empty where it is for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it says.
    pub permission: Effect,
    /// What it is about.
    #[serde(default)]
    pub action: Action,
    /// The topic filter, with places for the names of a client; with `eq ` before it, it stands for itself.
    pub topic: String,
    /// The qualities of service it is about; all where none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<Vec<u8>>,
    /// Whether it is about retained messages only, or about others only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain: Option<bool>,
}

impl StoredRule {
    /// Whom it is for.
    pub fn target(&self) -> Target<'_> {
        (self.whom, &self.name)
    }

    /// What it says, checked.
    fn rule(&self) -> Result<Rule, String> {
        match (self.whom, self.name.is_empty()) {
            (Whom::All, false) => {
                return Err(format!("expected no name where a rule is for all, found `{}`", self.name));
            }
            (Whom::Client | Whom::User, true) => {
                return Err(format!("expected the name of a {}, found none", self.whom.name()));
            }
            (Whom::All, true) | (Whom::Client | Whom::User, false) => {}
        }
        let levels = self.qos.as_deref().unwrap_or(&[0, 1, 2]);
        let bits = levels.iter().try_fold(0, |bits, level| (*level <= 2).then(|| bits | 1u8 << level));
        let qos =
            bits.filter(|bits| *bits != 0).ok_or_else(|| format!("expected QoS 0, 1 or 2, found `{levels:?}`"))?;
        Ok(Rule { qos, retain: self.retain, ..Rule::new(self.permission, self.action, &self.topic)? })
    }
}

/// The rules in force, by whom they are for.
#[derive(Debug, Default)]
pub(crate) struct StoredRules {
    of_clients: HashMap<ByteString, Vec<Rule>>,
    of_users: HashMap<ByteString, Vec<Rule>>,
    of_all: Vec<Rule>,
}

impl StoredRules {
    /// Reads the text of the file; all mistakes at once.
    pub(crate) fn parse(text: &str) -> Result<StoredRules, Vec<Fault>> {
        let mut stored = StoredRules::default();
        for (line, rule) in parse(text)? {
            match line.whom {
                Whom::Client => stored.of_clients.entry(line.name.into()).or_default(),
                Whom::User => stored.of_users.entry(line.name.into()).or_default(),
                Whom::All => &mut stored.of_all,
            }
            .push(rule);
        }
        Ok(stored)
    }

    /// What they say about a client; `None` where there are none for it.
    pub(crate) fn layer(&self, identity: &Identity) -> Option<Layer> {
        // A name that nobody has checked gives nothing.
        let username = identity.username.as_ref().filter(|_| !identity.anonymous);
        let of_client = self.of_clients.get(&identity.client_id).into_iter().flatten();
        let of_user = username.and_then(|name| self.of_users.get(name)).into_iter().flatten();
        let mut rules = of_client.chain(of_user).chain(&self.of_all).peekable();
        rules.peek()?;
        Some(Layer::of_rules("built_in_database", rules, identity))
    }
}

/// A file of rules that is being changed: locked until it is saved or dropped.
#[derive(Debug)]
pub struct RulesFile {
    file: LockedFile,
    rules: Vec<StoredRule>,
}

impl RulesFile {
    /// Locks and reads the file; one that is not there is made.
    pub fn open(path: &Path) -> Result<RulesFile, AuthError> {
        let file = LockedFile::open(path)?;
        let rules = lines(file.text(), path)?;
        Ok(RulesFile { file, rules })
    }

    /// Reads the rules without changing them, in the order of the file.
    pub fn read(path: &Path) -> Result<Vec<StoredRule>, AuthError> {
        lines(&read_text(path)?.unwrap_or_default(), path)
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[StoredRule] {
        &self.rules
    }

    /// Whether there are rules for `target`.
    pub fn has(&self, target: Target<'_>) -> bool {
        self.rules.iter().any(|rule| rule.target() == target)
    }

    /// Adds a rule behind the others of the same client, user or all.
    pub fn add(&mut self, rule: StoredRule) -> Result<(), AuthError> {
        rule.rule().map_err(|message| AuthError::Rule { message })?;
        self.rules.push(rule);
        Ok(())
    }

    /// Removes the rules of a client, a user or all, or those of them that name this topic; gives how many there were.
    pub fn remove(&mut self, target: Target<'_>, topic: Option<&str>) -> usize {
        let before_len = self.rules.len();
        self.rules.retain(|rule| rule.target() != target || topic.is_some_and(|topic| rule.topic != topic));
        before_len - self.rules.len()
    }

    /// Writes the file.
    pub fn save(self) -> Result<(), AuthError> {
        counted(&self.rules).map_err(|message| AuthError::Rule { message })?;
        let lines = self.rules.iter().map(|rule| {
            // Texts, numbers and words: there is nothing in it that JSON could not hold.
            serde_json::to_string(rule).expect("a rule is JSON") + "\n"
        });
        self.file.replace(&lines.collect::<String>())
    }
}

fn lines(text: &str, path: &Path) -> Result<Vec<StoredRule>, AuthError> {
    let parsed = parse(text).map_err(|faults| AuthError::Broken { path: path.into(), faults })?;
    Ok(parsed.into_iter().map(|(line, _)| line).collect())
}

fn parse(text: &str) -> Result<Vec<(StoredRule, Rule)>, Vec<Fault>> {
    let (mut stored, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // The place that serde_json tells is one within the line.
        let read = serde_json::from_str::<StoredRule>(line)
            .map_err(|error| error.to_string().split(" at line 1 ").next().unwrap_or_default().to_owned());
        match read.and_then(|line| line.rule().map(|rule| (line, rule))) {
            Ok(rule) => stored.push(rule),
            Err(message) => faults.push(Fault { line: index + 1, message, help: None }),
        }
    }
    if faults.is_empty() { Ok(stored) } else { Err(faults) }
}

/// How many rules there may be: each connection of a client holds those that are for it.
fn counted(rules: &[StoredRule]) -> Result<(), String> {
    if rules.len() > STORED_MAX {
        return Err(format!("expected at most {STORED_MAX} rules, found {}", rules.len()));
    }
    let mut counts = HashMap::<Target<'_>, usize>::new();
    for rule in rules {
        let count = counts.entry(rule.target()).or_default();
        *count += 1;
        if *count > RULES_MAX {
            let (whom, name) = rule.target();
            let target = whom.in_words(name);
            return Err(format!("expected at most {RULES_MAX} rules for {target}, found one more"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acl::{Permissions, Publishing};

    const TEXT: &str = r##"
{"for":"all","permission":"deny","action":"publish","topic":"secret/#"}
{"for":"user","name":"ann","permission":"allow","action":"publish","topic":"secret/${clientid}"}
{"for":"client","name":"c9","permission":"deny","topic":"#"}
{"for":"client","name":"c8","permission":"deny","action":"publish","topic":"eq a/b","qos":[1],"retain":true}
"##;

    fn may_publish(client_id: &str, username: &str, is_anonymous: bool, topic: &str) -> bool {
        let identity = Identity {
            client_id: client_id.into(),
            username: Some(username.into()),
            anonymous: is_anonymous,
            ..Identity::default()
        };
        let layer = StoredRules::parse(TEXT).unwrap().layer(&identity).unwrap();
        let permissions = Permissions::layers(Box::new([layer]), Effect::Allow);
        let qos = if client_id == "c8" { 1 } else { 0 };
        permissions.publish(&Publishing { topic, qos, retain: qos == 1 }).effect == Effect::Allow
    }

    #[test]
    fn those_of_the_client_come_first_and_those_for_all_last() {
        assert!(may_publish("c1", "ann", false, "secret/c1"));
        assert!(!may_publish("c1", "ann", false, "secret/c2"));
        assert!(!may_publish("c1", "ann", true, "secret/c1"), "nobody has checked who it is");
        assert!(!may_publish("c1", "bob", false, "secret/c1"));
        assert!(may_publish("c1", "bob", false, "open"));
        assert!(!may_publish("c9", "ann", false, "open"));
        assert!(!may_publish("c8", "bob", false, "a/b"));
        assert!(may_publish("c8", "bob", false, "a/c"));
    }

    #[test]
    fn a_client_without_rules_has_no_layer() {
        let of_another = r#"{"for":"client","name":"c9","permission":"deny","topic":"a"}"#;
        for text in ["\n", of_another] {
            assert!(StoredRules::parse(text).unwrap().layer(&Identity::default()).is_none(), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let text = r##"{"for":"user","permission":"allow","topic":"a"}
{"for":"all","topic":"a"}
{"for":"all","name":"x","permission":"deny","topic":"a"}
{"for":"all","permission":"perhaps","topic":"a"}
{"for":"all","permission":"deny","topic":"a/#/b"}
{"for":"all","permission":"deny","topic":"a","qos":[3]}
"##;
        let faults = StoredRules::parse(text).unwrap_err();
        let told: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        assert_eq!(
            told,
            [
                (1, "expected the name of a user, found none"),
                (2, "missing field `permission`"),
                (3, "expected no name where a rule is for all, found `x`"),
                (4, "unknown variant `perhaps`, expected `allow` or `deny`"),
                (5, "expected `#` only as the last level, found it before others, at byte 2 of `a/#/b`"),
                (6, "expected QoS 0, 1 or 2, found `[3]`"),
            ]
        );
    }

    #[test]
    fn what_is_added_is_there_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acl_rules");
        let rule = |whom, name: &str, topic: &str| StoredRule {
            whom,
            name: name.to_owned(),
            permission: Effect::Deny,
            action: Action::All,
            topic: topic.to_owned(),
            qos: None,
            retain: None,
        };
        let mut file = RulesFile::open(&path).unwrap();
        file.add(rule(Whom::User, "ann", "a")).unwrap();
        file.add(rule(Whom::User, "ann", "b")).unwrap();
        file.add(rule(Whom::All, "", "a")).unwrap();
        assert!(file.add(rule(Whom::All, "", "$share/g/a")).is_err());
        file.save().unwrap();
        assert_eq!(RulesFile::read(&path).unwrap().len(), 3);

        let mut file = RulesFile::open(&path).unwrap();
        assert_eq!(file.remove((Whom::User, "ann"), Some("a")), 1);
        assert_eq!(file.remove((Whom::User, "bob"), None), 0);
        assert!(file.has((Whom::User, "ann")) && file.has((Whom::All, "")) && !file.has((Whom::Client, "ann")));
        for _ in 0..RULES_MAX {
            file.add(rule(Whom::All, "", "c")).unwrap();
        }
        let error = file.save().unwrap_err().to_string();
        assert_eq!(error, "expected at most 1000 rules for all clients, found one more");
        assert_eq!(RulesFile::read(&path).unwrap().len(), 3, "what cannot be kept changes nothing");
    }
}
