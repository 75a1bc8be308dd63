//! A rule that was read and found right, before it runs.

use std::path::PathBuf;
use std::sync::Arc;

use bytestring::ByteString;
use events::{SourceTopic, Type};
use sql::{Diagnostic, EvalError, Jq, Query, Severity, Source};

use crate::action::Action;
use crate::codes;
use crate::factory::{ActionFactory, ActionSpec, Via};
use crate::loops::Publication;
use crate::rule_file::{ActionEntry, RuleFile, is_name, shifted};
use crate::rule_test::RuleTest;

/// The longest rule file, in bytes. A longer one is refused.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;

/// The text of a rule, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// The identifier: the name of the file without `.sql`.
    pub id: Arc<str>,
    /// The file, as diagnostics name it.
    pub file: PathBuf,
    /// What stands in it.
    pub text: Arc<str>,
}

/// A rule without an error. It can be tested, or be taken up by an engine.
#[derive(Debug)]
pub struct CheckedRule {
    pub(crate) source: RuleSource,
    pub(crate) sql: String,
    /// The byte of the file at which the SQL begins.
    sql_start: usize,
    pub(crate) description: String,
    pub(crate) is_enabled: bool,
    /// A publisher is answered when the outputs of its message are in the buffers on disk.
    pub(crate) requires_buffered: bool,
    pub(crate) query: Query,
    pub(crate) actions: Vec<CheckedAction>,
    /// The connectors in use, each with the name of the action.
    connectors: Vec<(String, Arc<str>)>,
    /// Runs what `jq` is given, in its tests too.
    pub(crate) jq: Option<Jq>,
    /// What its actions publish in this broker.
    pub(crate) publications: Vec<Publication>,
    tests: Vec<RuleTest>,
    warnings: Vec<Diagnostic>,
}

/// An action that was built, and how it is buffered.
pub(crate) struct CheckedAction {
    pub(crate) entry: ActionEntry,
    pub(crate) action: Box<dyn Action>,
}

impl std::fmt::Debug for CheckedAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.entry.fmt(f)
    }
}

impl RuleSource {
    /// The diagnostics as people read them: file, line, caret and what was meant.
    pub fn render(&self, diagnostics: &[Diagnostic]) -> String {
        sql::render(diagnostics, &self.file.display().to_string(), &self.text, 0)
    }
}

impl CheckedRule {
    /// Checks everything that can be wrong with a rule before an event has come: header, SQL, actions with their
    /// templates, tests. Nothing is sent and nothing is connected to. Without `jq` a rule that calls it is refused.
    pub fn check(
        source: RuleSource,
        factory: &dyn ActionFactory,
        jq: Option<Jq>,
    ) -> Result<CheckedRule, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        if !is_name(&source.id) {
            let message = format!(
                "expected a file name of letters, digits, `_`, `-` and `.` before `.sql`, found `{}`",
                source.id
            );
            problems.push(Diagnostic::error(codes::FILE, 0..0, message));
        }
        if source.text.len() > FILE_BYTES_MAX {
            let message =
                format!("expected at most {FILE_BYTES_MAX} bytes in a rule file, found {}", source.text.len());
            return Err(vec![Diagnostic::error(codes::FILE, 0..0, message)]);
        }
        let file = RuleFile::parse(&source.text, &mut problems);
        let sql_start = file.sql_start;
        let in_file = |diagnostic| shifted(diagnostic, sql_start);
        let compile = if file.header.is_emqx { Query::compile_emqx } else { Query::compile };
        let query = match compile(file.sql) {
            Ok((query, warnings)) => {
                problems.extend(warnings.into_iter().map(in_file));
                let off = if jq.is_none() { query.check_without_jq() } else { None };
                problems.extend(off.map(in_file));
                problems.extend(check_sources(&query, factory).into_iter().map(in_file));
                Some(query)
            }
            Err(wrong) => {
                problems.extend(wrong.into_iter().map(in_file));
                None
            }
        };
        let sql = file.sql.to_owned();
        let header = file.header;
        let output_fields = query.as_ref().and_then(Query::output_fields);
        let actions = build_actions(&source.id, header.actions, output_fields.as_deref(), factory, &mut problems);
        let publications = actions
            .iter()
            .filter_map(|action| Some(Publication::new(action.action.topic()?, action.entry.place("topic"))))
            .collect();
        let connectors = actions
            .iter()
            .filter_map(|action| match action.entry.via() {
                Via::Connector(name) => Some((name.to_owned(), Arc::clone(&action.entry.name))),
                Via::Kind(_) => None,
            })
            .collect();
        let tests = match &query {
            Some(query) => {
                header.tests.into_iter().filter_map(|case| RuleTest::new(case, query, &mut problems)).collect()
            }
            None => Vec::new(),
        };
        match query {
            Some(query) if problems.iter().all(|problem| problem.severity < Severity::Error) => Ok(CheckedRule {
                source,
                sql,
                sql_start,
                description: header.description,
                is_enabled: header.is_enabled,
                requires_buffered: header.requires_buffered,
                query,
                actions,
                connectors,
                jq,
                publications,
                tests,
                warnings: problems,
            }),
            Some(_) | None => Err(problems),
        }
    }

    /// The identifier of the rule.
    pub fn id(&self) -> &str {
        &self.source.id
    }

    /// Where the rule comes from.
    pub const fn source(&self) -> &RuleSource {
        &self.source
    }

    /// What runs, but is probably not meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    pub(crate) fn add_warnings(&mut self, warnings: Vec<Diagnostic>) {
        self.warnings.extend(warnings);
    }

    /// The SQL alone, without the header.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Lets its actions rest whose connector is switched off.
    pub(crate) fn switch_off_actions(&mut self, is_off: impl Fn(&str) -> bool) {
        for action in &mut self.actions {
            let rests = matches!(action.entry.via(), Via::Connector(name) if is_off(name));
            action.entry.is_enabled &= !rests;
        }
    }

    /// The names of its actions that use this connector.
    pub(crate) fn actions_of(&self, connector: &str) -> impl Iterator<Item = &Arc<str>> {
        self.connectors.iter().filter(move |(name, _)| *name == *connector).map(|(_, action)| action)
    }

    /// The fields of its rows with their types; `None` where they are known only when the event is there, as with `*`.
    pub fn output_fields(&self) -> Option<Vec<(ByteString, Type)>> {
        self.query.output_fields()
    }

    /// The tests that stand in the file, in order.
    pub fn tests(&self) -> &[RuleTest] {
        &self.tests
    }

    /// An error of an evaluation with `file:line:column` before it.
    pub(crate) fn located(&self, error: &EvalError) -> String {
        let diagnostic = shifted(Diagnostic::error(error.code, error.span.clone(), ""), self.sql_start);
        let (line, column) = diagnostic.position(&self.source.text, 0);
        format!("{}:{line}:{column}: {}", self.source.file.display(), error.message)
    }

    /// An error of an evaluation with its line of the file and a caret below.
    pub(crate) fn rendered(&self, error: EvalError) -> String {
        self.source.render(&[shifted(Diagnostic::from(error), self.sql_start)])
    }

    /// What the rule listens to, as FROM would say it.
    pub(crate) fn from(&self) -> Vec<ByteString> {
        self.query.from().iter().map(name_of).collect()
    }
}

/// A source as FROM says it.
pub(crate) fn name_of(source: &Source) -> ByteString {
    match source {
        Source::Topic(filter) => filter.clone(),
        Source::Named(source) => source.as_text().clone(),
        Source::Event(kind) => ByteString::from_static(kind.event_type().topic.unwrap_or(kind.event_type().name)),
    }
}

/// What is wrong with the sources that FROM names; nobody is asked for those that there are where it names none.
fn check_sources(query: &Query, factory: &dyn ActionFactory) -> Vec<Diagnostic> {
    if !query.from().iter().any(|source| matches!(source, Source::Named(_))) {
        return Vec::new();
    }
    let known: Vec<SourceTopic> = factory.sources().into_iter().map(|source| source.topic).collect();
    query.check_sources(&known)
}

fn build_actions(
    rule: &str,
    entries: Vec<ActionEntry>,
    output_fields: Option<&[(ByteString, Type)]>,
    factory: &dyn ActionFactory,
    problems: &mut Vec<Diagnostic>,
) -> Vec<CheckedAction> {
    let mut actions = Vec::with_capacity(entries.len());
    for entry in entries {
        problems.extend(entry.check_order(output_fields));
        let spec = ActionSpec { rule, name: &entry.name, via: entry.via(), options: &entry.options, output_fields };
        match factory.build(&spec) {
            Ok(action) => actions.push(CheckedAction { entry, action }),
            Err(errors) => problems.extend(errors.into_iter().map(|error| entry.diagnostic(error))),
        }
    }
    actions
}
