//! How rules are taken up, replaced and ended when their files have changed.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use events::Timestamp;
use sql::Diagnostic;

use crate::buffer::{BufferKind, Overflow};
use crate::checked::{CheckedRule, RuleSource};
use crate::codes;
use crate::directory::{self, Found};
use crate::disk::{DiskBuffer, Left};
use crate::engine::{Entry, Running, Shared, after};
use crate::made::{self, MadeObjects};
use crate::rule::Rule;
use crate::status::Refused;
use crate::worker::{Setting, Worker, close_in_order};

/// What a reload has changed.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// The rules that were taken up, new or changed.
    pub taken_up: Vec<Arc<str>>,
    /// The rules that are gone.
    pub removed: Vec<Arc<str>>,
    /// The files that were refused. Where an older version of the rule ran, it runs on.
    pub refused: Vec<Arc<Refused>>,
    /// What was taken up and is probably not meant, as people read it.
    pub warnings: Vec<String>,
}

/// Where the rules come from.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) dir: Option<PathBuf>,
    /// The files of the directory, as they were read last.
    pub(crate) files: Vec<Found>,
    /// What was found last of every rule, whether it was taken up or refused.
    found: HashMap<Arc<str>, Found>,
    /// Actions that were taken away and may still deliver what they have.
    pub(crate) ending: Vec<Weak<Worker>>,
}

/// Reads the rules of `dir` for checking them without an engine: their texts, which are not compiled yet, and the files
/// that cannot be read.
pub fn read_rules(dir: &Path) -> io::Result<(Vec<RuleSource>, Vec<Refused>)> {
    let (mut sources, mut unreadable) = (Vec::new(), Vec::new());
    for found in directory::read(dir)? {
        match found.unreadable {
            None => sources.push(found.source),
            Some(reason) => unreadable.push(refusal(&found.source, vec![unreadable_file(reason)], Timestamp(0))),
        }
    }
    Ok((sources, unreadable))
}

impl Loaded {
    /// The file of a rule.
    pub(crate) fn file_of(&self, id: &str) -> Option<PathBuf> {
        self.files.iter().find(|found| *found.source.id == *id).map(|found| found.source.file.clone())
    }

    /// Has rules taken up again whose text has not changed.
    pub(crate) fn look_again_at<'r>(&mut self, rules: impl IntoIterator<Item = &'r str>) {
        for rule in rules {
            self.found.remove(rule);
        }
    }
}

impl LoadReport {
    fn is_empty(&self) -> bool {
        self.taken_up.is_empty() && self.removed.is_empty() && self.refused.is_empty()
    }
}

impl Shared {
    /// Takes up what has changed, ends what is gone, and swaps the whole.
    pub(crate) fn take_up(&self, loaded: &mut Loaded) -> LoadReport {
        let now = (self.clock)();
        let mut report = LoadReport::default();
        if self.stopping.is_cancelled() {
            return report;
        }
        let made = self.made.load();
        let mut found = loaded.files.clone();
        found.extend(self.found_made(&made, loaded));
        let mut all = self.running.load().all.clone();
        let mut ended = Vec::new();
        let there: HashSet<Arc<str>> = found.iter().map(|found| Arc::clone(&found.source.id)).collect();
        for found in found {
            if loaded.found.get(&found.source.id) == Some(&found) {
                continue;
            }
            loaded.found.insert(Arc::clone(&found.source.id), found.clone());
            let entry = all.entry(Arc::clone(&found.source.id)).or_default();
            entry.is_made = found.is_made;
            let checked = match found.unreadable {
                None => CheckedRule::check(found.source.clone(), &*self.factory, self.config.jq.clone()),
                Some(reason) => Err(vec![unreadable_file(reason)]),
            };
            let old = entry.rule.as_deref();
            let checked = checked.and_then(|mut checked| {
                checked.is_enabled &= !found.is_switched_off;
                checked.switch_off_actions(|connector| made.is_switched_off(connector));
                let disks = self.open_disks(&checked, old.map_or(&[], |rule| &rule.workers))?;
                Ok((checked, disks))
            });
            match checked {
                Ok((checked, disks)) => {
                    if !checked.warnings().is_empty() {
                        report.warnings.push(checked.source.render(checked.warnings()));
                    }
                    let (rule, gone) = self.start(now, (checked, disks), entry.rule.as_deref());
                    ended.extend(gone);
                    *entry = Entry { rule: Some(Arc::new(rule)), refused: None, ..*entry };
                    report.taken_up.push(found.source.id);
                }
                Err(problems) => {
                    let is_running_on = entry.rule.is_some();
                    let refused = Arc::new(Refused { is_running_on, ..refusal(&found.source, problems, now) });
                    entry.refused = Some(Arc::clone(&refused));
                    report.refused.push(refused);
                }
            }
        }
        loaded.found.retain(|id, _| there.contains(id));
        all.retain(|id, entry| {
            if there.contains(id) {
                return true;
            }
            ended.extend(entry.rule.iter().flat_map(|rule| rule.workers.clone()));
            report.removed.push(Arc::clone(id));
            false
        });
        if !report.is_empty() {
            let before = self.running.swap(Arc::new(Running::new(all)));
            let running = self.running.load();
            for (id, warnings) in running.loops.iter().filter(|(id, loops)| before.loops.get(*id) != Some(loops)) {
                if let Some(rule) = running.all.get(id).and_then(|entry| entry.rule.as_ref()) {
                    report.warnings.push(rule.checked.source.render(warnings));
                }
            }
            self.end(loaded, ended, now);
            log(&report);
            self.generation.send_modify(|generation| *generation += 1);
        }
        report
    }

    /// The rules that were made. A file of the same name comes first.
    fn found_made(&self, made: &MadeObjects, loaded: &Loaded) -> Vec<Found> {
        let rules = made.rules.iter().filter(|(id, _)| {
            let file = loaded.file_of(id);
            if let Some(file) = &file {
                let file = file.display();
                tracing::warn!(rule = &***id, %file, "a rule of that name was made over the API, too; that of the file runs");
            }
            file.is_none()
        });
        rules.map(|(id, rule)| made::found(id, &rule.object, &made.actions)).collect()
    }

    /// Sets a rule to work. An action of the same name goes on with what it has; the ones that are gone are returned.
    fn start(
        &self,
        now: Timestamp,
        (mut checked, mut disks): (CheckedRule, Disks),
        before: Option<&Rule>,
    ) -> (Rule, Vec<Arc<Worker>>) {
        let mut old: Vec<Arc<Worker>> = before.map(|rule| rule.workers.clone()).unwrap_or_default();
        let counters = before.map(|rule| Arc::clone(&rule.counters)).unwrap_or_default();
        let (mut workers, mut direct, mut may_block) = (Vec::new(), Vec::new(), false);
        let mut actions = std::mem::take(&mut checked.actions);
        // Fallbacks first, so that they are there when another action names them.
        actions.sort_by_key(|action| !action.entry.is_fallback);
        for action in actions {
            let (entry, built) = (action.entry, action.action);
            let fallback = entry.fallback.as_ref().and_then(|(name, _)| find(&workers, name));
            may_block |= entry.buffer.overflow == Overflow::BlockRule && !entry.is_fallback;
            let setting = Setting { action: built, options: entry.buffer, is_enabled: entry.is_enabled, fallback };
            let before = old.iter().position(|worker| *worker.name() == entry.name);
            let worker = match before.filter(|_| !disks.contains_key(&entry.name)) {
                Some(at) => {
                    let worker = old.swap_remove(at);
                    worker.replace(now, setting);
                    worker
                }
                None => {
                    let names = (Arc::clone(&checked.source.id), Arc::clone(&entry.name));
                    let disk = disks.remove(&entry.name);
                    let worker = Arc::new(Worker::new(names, setting, disk, Arc::clone(&self.dead_letters)));
                    self.tasks.spawn(Arc::clone(&worker).run(Arc::clone(&self.clock)));
                    worker
                }
            };
            if entry.is_enabled {
                let prepared = Arc::clone(&worker).prepare(Arc::clone(&self.clock), self.stopping.clone());
                self.tasks.spawn(prepared);
            }
            if !entry.is_fallback && entry.is_enabled {
                direct.push(Arc::clone(&worker));
            }
            workers.push(worker);
        }
        (Rule { checked, counters, workers, direct, may_block }, old)
    }

    /// Opens the disks of the actions that have none yet.
    fn open_disks(&self, checked: &CheckedRule, running: &[Arc<Worker>]) -> Result<Disks, Vec<Diagnostic>> {
        let mut disks = Disks::new();
        let Some(dir) = &self.config.data_dir else { return Ok(disks) };
        for action in checked.actions.iter().filter(|action| action.entry.buffer.kind == BufferKind::Disk) {
            let (rule, name) = (&checked.source.id, &action.entry.name);
            let running = find(running, name);
            if running.is_some_and(|worker| worker.buffer_kind() == BufferKind::Disk) {
                continue;
            }
            let dir = dir.join("buffers").join(&**rule).join(&**name);
            let opened = DiskBuffer::open(&dir, rule, name).map_err(|error| {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                let message = format!("the buffer of the action `{name}` cannot be opened: {error}{cause}");
                vec![Diagnostic::error(codes::FILE, 0..0, message)]
            })?;
            disks.insert(Arc::clone(name), opened);
        }
        Ok(disks)
    }

    /// Lets actions that were taken away deliver what they have, for a while.
    fn end(&self, loaded: &mut Loaded, ended: Vec<Arc<Worker>>, now: Timestamp) {
        let until = after(now, self.config.removed_drain);
        loaded.ending.retain(|worker| worker.strong_count() > 0);
        loaded.ending.extend(ended.iter().map(Arc::downgrade));
        // What is on disk stays there, for an action of the same name in a rule of the same name.
        for worker in ended.iter().filter(|worker| worker.buffer_kind() == BufferKind::Disk) {
            worker.leave();
        }
        close_in_order(ended, until, &self.tasks);
    }
}

/// The disks of actions that have just been opened, by the names of the actions.
type Disks = HashMap<Arc<str>, (DiskBuffer, Left)>;

fn find(workers: &[Arc<Worker>], name: &str) -> Option<Arc<Worker>> {
    workers.iter().find(|worker| **worker.name() == *name).cloned()
}

fn unreadable_file(reason: String) -> Diagnostic {
    Diagnostic::error(codes::FILE, 0..0, reason)
}

fn refusal(source: &RuleSource, diagnostics: Vec<Diagnostic>, at: Timestamp) -> Refused {
    Refused {
        id: Arc::clone(&source.id),
        file: source.file.clone(),
        at,
        rendered: source.render(&diagnostics),
        diagnostics,
        is_running_on: false,
    }
}

fn log(report: &LoadReport) {
    for rule in &report.taken_up {
        tracing::info!(rule = &**rule, "a rule was taken up");
    }
    for rule in &report.removed {
        tracing::info!(rule = &**rule, "a rule was removed");
    }
    for warning in &report.warnings {
        tracing::warn!(problem = %format_args!("\n{warning}"), "a rule is probably not meant as it stands");
    }
    for refused in &report.refused {
        let problem = format_args!("\n{}", refused.rendered);
        if refused.is_running_on {
            tracing::warn!(rule = &*refused.id, %problem, "a rule file was refused, the rule runs on as it was");
        } else {
            tracing::warn!(rule = &*refused.id, %problem, "a rule file was refused");
        }
    }
}
