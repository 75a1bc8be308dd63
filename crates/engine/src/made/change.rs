//! What a change has to pass: it is checked as a file would be, kept on disk, and takes part at once. What waits in the
//! buffers of actions that are still there afterwards goes on waiting.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{
    Condition, Made, MadeConnector, MadeObjects, MadeRule, MakeRefused, OBJECTS_MAX, SharedAction, Wrong, compose, file,
};
use crate::checked::CheckedRule;
use crate::codes;
use crate::engine::{Engine, Shared};
use crate::load::Loaded;
use crate::rule::Rule;
use crate::status::Refused;

impl Engine {
    /// Everything that was made, as it is now.
    pub fn made(&self) -> Arc<MadeObjects> {
        self.shared.made.load_full()
    }

    /// Reads what was made before, from the data directory; [`Engine::load_dir`] or [`Engine::reload`] takes its rules up.
    /// A connector that cannot be used any more is told to the log, and so are the rules that use it then.
    pub fn load_made(&self) -> io::Result<()> {
        let Some(path) = self.shared.made_file() else { return Ok(()) };
        let objects = file::read(&path)?;
        let declared = self.shared.factory.connectors();
        for (name, connector) in &objects.connectors {
            if declared.iter().any(|(other, _)| other == name) {
                tracing::warn!(connector = name, "the configuration has a connector of that name, which is used");
            } else if let Err(wrong) = self.shared.factory.put_connector(name, &connector.object.options) {
                let problem = wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                tracing::error!(connector = name, problem, "a connector that was made over the API cannot be used");
            }
        }
        self.shared.made.store(Arc::new(objects));
        Ok(())
    }

    /// Makes a rule, or puts another in place of the one of that identifier. Gives its revision.
    pub fn put_rule(&self, id: &str, rule: MadeRule, condition: &Condition) -> Result<u64, MakeRefused> {
        let shared = &*self.shared;
        let mut loaded = shared.loaded.lock();
        if let Some(place) = loaded.file_of(id) {
            return Err(MakeRefused::OwnedByFile { place });
        }
        let mut objects = (*shared.made.load_full()).clone();
        condition.check(objects.rules.get(id).map(|rule| rule.revision))?;
        let found = compose::found(id, &rule, &objects.actions);
        if let Some(message) = found.unreadable {
            return Err(wrong_as_a_whole(message));
        }
        if let Err(diagnostics) = shared.check(found.source.clone()) {
            return Err(MakeRefused::Wrong { wrong: compose::wrong(&rule, &found.source, diagnostics) });
        }
        let revision = objects.next_revision();
        let made = Made::of(rule, objects.rules.get(id), revision, (shared.clock)().0);
        objects.rules.insert(id.to_owned(), made);
        shared.keep(&mut loaded, objects, Some(id))?;
        Ok(revision)
    }

    /// Removes a rule. Its actions deliver what they have, for a while.
    pub fn remove_rule(&self, id: &str, condition: &Condition) -> Result<(), MakeRefused> {
        let mut loaded = self.shared.loaded.lock();
        if let Some(place) = loaded.file_of(id) {
            return Err(MakeRefused::OwnedByFile { place });
        }
        let mut objects = (*self.shared.made.load_full()).clone();
        remove(&mut objects.rules, id, condition)?;
        self.shared.keep(&mut loaded, objects, None)
    }

    /// Makes an action that rules may refer to, or changes it for the rules that do. Gives its revision.
    pub fn put_action(&self, action: SharedAction, condition: &Condition) -> Result<u64, MakeRefused> {
        let shared = &*self.shared;
        let mut loaded = shared.loaded.lock();
        let mut objects = (*shared.made.load_full()).clone();
        let id = action.id();
        condition.check(objects.actions.get(&id).map(|action| action.revision))?;
        let probe = compose::probe(&action).map_err(wrong_as_a_whole)?;
        if let Err(diagnostics) = shared.check(probe) {
            let told = |diagnostic: sql::Diagnostic| Wrong {
                message: diagnostic.message,
                help: diagnostic.help,
                code: diagnostic.code,
                span: None,
            };
            return Err(MakeRefused::Wrong { wrong: diagnostics.into_iter().map(told).collect() });
        }
        let revision = objects.next_revision();
        let made = Made::of(action, objects.actions.get(&id), revision, (shared.clock)().0);
        objects.actions.insert(id.clone(), made);
        let broken = objects.rules_of_action(&id).into_iter().filter_map(|rule| {
            let found = compose::found(&rule, &objects.rules.get(&rule)?.object, &objects.actions);
            let why = shared.check(found.source).err()?;
            Some((rule, first_of(&why)))
        });
        refuse_broken(broken.collect())?;
        shared.keep(&mut loaded, objects, None)?;
        Ok(revision)
    }

    /// Removes an action. Rules that refer to it keep it in place, unless they are to be rid of it, too.
    pub fn remove_action(&self, id: &str, with_uses: bool, condition: &Condition) -> Result<(), MakeRefused> {
        let mut loaded = self.shared.loaded.lock();
        let mut objects = (*self.shared.made.load_full()).clone();
        let users = objects.rules_of_action(id);
        remove(&mut objects.actions, id, condition)?;
        if !users.is_empty() && !with_uses {
            return Err(MakeRefused::InUse(users));
        }
        for user in users {
            let (revision, now_ms) = (objects.next_revision(), (self.shared.clock)().0);
            if let Some(rule) = objects.rules.get_mut(&user) {
                rule.object.forget_action(id);
                (rule.revision, rule.modified_at_ms) = (revision, now_ms);
            }
        }
        self.shared.keep(&mut loaded, objects, None)
    }

    /// Makes a connector, or puts another in its place: actions that use it go on with the new one. Gives its revision.
    pub fn put_connector(
        &self,
        name: &str,
        connector: MadeConnector,
        condition: &Condition,
    ) -> Result<u64, MakeRefused> {
        let shared = &*self.shared;
        let mut loaded = shared.loaded.lock();
        let before = shared.made.load_full();
        let mut objects = (*before).clone();
        shared.refuse_declared(&before, name)?;
        condition.check(objects.connectors.get(name).map(|connector| connector.revision))?;
        shared.factory.put_connector(name, &connector.options).map_err(MakeRefused::Options)?;
        let broken = shared.users_of(name).into_iter().filter_map(|rule| {
            let why = shared.check(rule.checked.source.clone()).err()?;
            Some((rule.id().to_string(), first_of(&why)))
        });
        let revision = objects.next_revision();
        let made = Made::of(connector, objects.connectors.get(name), revision, (shared.clock)().0);
        objects.connectors.insert(name.to_owned(), made);
        let kept = refuse_broken(broken.collect()).and_then(|()| {
            loaded.look_again_at(shared.users_of(name).iter().map(|rule| &**rule.id()));
            loaded.look_again_at(shared.running.load().never_right());
            shared.keep(&mut loaded, objects, None)
        });
        if let Err(refused) = kept {
            shared.put_back(&before, name);
            return Err(refused);
        }
        Ok(revision)
    }

    /// Removes a connector that nothing uses.
    pub fn remove_connector(&self, name: &str, condition: &Condition) -> Result<(), MakeRefused> {
        let shared = &*self.shared;
        let mut loaded = shared.loaded.lock();
        let before = shared.made.load_full();
        let mut objects = (*before).clone();
        shared.refuse_declared(&before, name)?;
        remove(&mut objects.connectors, name, condition)?;
        let mut users = objects.actions_of_connector(name);
        users.extend(shared.users_of(name).iter().map(|rule| rule.id().to_string()));
        if !users.is_empty() {
            return Err(MakeRefused::InUse(users));
        }
        shared.keep(&mut loaded, objects, None)?;
        shared.factory.remove_connector(name);
        Ok(())
    }
}

impl Shared {
    fn made_file(&self) -> Option<PathBuf> {
        self.config.data_dir.as_ref().map(|dir| dir.join(file::NAME))
    }

    /// Writes the objects down, and takes up what has changed. Where the disk refuses, nothing is different; the disk of
    /// a buffer of the new rule `id`, too.
    fn keep(&self, loaded: &mut Loaded, objects: MadeObjects, id: Option<&str>) -> Result<(), MakeRefused> {
        let before = self.made.load_full();
        if objects.len() > OBJECTS_MAX && objects.len() > before.len() {
            return Err(MakeRefused::TooMany);
        }
        self.write_made(&objects)?;
        self.made.store(Arc::new(objects));
        let report = self.take_up(loaded);
        // All were right a moment ago.
        let is_worse = |refused: &&Arc<Refused>| refused.is_running_on || id.is_some_and(|id| *refused.id == *id);
        let Some(refused) = report.refused.iter().find(is_worse) else { return Ok(()) };
        self.write_made(&before)?;
        self.made.store(before);
        self.take_up(loaded);
        Err(MakeRefused::Disk(io::Error::other(refused.rendered.clone())))
    }

    fn write_made(&self, objects: &MadeObjects) -> io::Result<()> {
        self.made_file().map_or(Ok(()), |path| file::write(&path, objects))
    }

    /// The rules with an action that goes through a connector.
    fn users_of(&self, connector: &str) -> Vec<Arc<Rule>> {
        let running = self.running.load();
        let rules = running.all.values().filter_map(|entry| entry.rule.as_ref());
        rules.filter(|rule| rule.checked.actions_of(connector).next().is_some()).cloned().collect()
    }

    fn check(&self, source: crate::RuleSource) -> Result<CheckedRule, Vec<sql::Diagnostic>> {
        CheckedRule::check(source, &*self.factory, self.config.jq.clone())
    }

    /// A connector of the configuration is changed there.
    fn refuse_declared(&self, objects: &MadeObjects, name: &str) -> Result<(), MakeRefused> {
        let is_there = self.factory.connectors().iter().any(|(other, _)| other == name);
        if is_there && !objects.connectors.contains_key(name) {
            return Err(MakeRefused::OwnedByFile { place: PathBuf::from(format!("[connectors.{name}]")) });
        }
        Ok(())
    }

    /// The connector as it was before a change that was refused.
    fn put_back(&self, objects: &MadeObjects, name: &str) {
        match objects.connectors.get(name) {
            // It was taken before.
            Some(connector) => drop(self.factory.put_connector(name, &connector.object.options)),
            None => self.factory.remove_connector(name),
        }
    }
}

fn remove<T>(objects: &mut BTreeMap<String, Made<T>>, name: &str, condition: &Condition) -> Result<(), MakeRefused> {
    let there = objects.get(name);
    condition.check(there.map(|object| object.revision))?;
    objects.remove(name).map(|_removed| ()).ok_or(MakeRefused::Absent)
}

fn refuse_broken(broken: Vec<(String, String)>) -> Result<(), MakeRefused> {
    if broken.is_empty() { Ok(()) } else { Err(MakeRefused::Breaks(broken)) }
}

/// The first error, as a sentence.
fn first_of(diagnostics: &[sql::Diagnostic]) -> String {
    let error = diagnostics.iter().find(|diagnostic| diagnostic.severity == sql::Severity::Error);
    error.map(|error| error.message.clone()).unwrap_or_default()
}

fn wrong_as_a_whole(message: String) -> MakeRefused {
    MakeRefused::Wrong { wrong: vec![Wrong { message, help: None, code: codes::ACTION, span: None }] }
}
