//! A compiled rule: what it listens to, and what it makes of an event.

use std::ops::Range;

use bytestring::ByteString;
use events::{Kind, Map, SourceTopic, Type, closest};

use crate::check::{Checked, Mode, check, check_rest};
use crate::emqx::EmqxColumns;
use crate::plan::Plan;
use crate::{Columns, Context, Diagnostic, codes, eval, syntax};

/// What a rule listens to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An event; wildcards over events are expanded.
    Event(Kind),
    /// The messages under a topic filter, which was checked.
    Topic(ByteString),
    /// The messages of a source of the configuration.
    Named(SourceTopic),
}

/// What an evaluation yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// WHERE was not true.
    NoMatch,
    /// SELECT: one row.
    One(Map),
    /// FOREACH: a row for every element that INCASE let through, perhaps none.
    Many(Vec<Map>),
}

impl Rows {
    /// The rows as a list; no match is the empty list.
    pub fn into_vec(self) -> Vec<Map> {
        match self {
            Rows::NoMatch => Vec::new(),
            Rows::One(row) => vec![row],
            Rows::Many(rows) => rows,
        }
    }
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// One of [`crate::codes`].
    pub code: &'static str,
    /// What went wrong.
    pub message: String,
    /// The bytes of the rule's text where it went wrong.
    pub span: Range<usize>,
}

/// To be shown with its place in the text, as what is wrong with a rule is.
impl From<EvalError> for Diagnostic {
    fn from(error: EvalError) -> Diagnostic {
        Diagnostic::error(error.code, error.span, error.message)
    }
}

/// A compiled rule. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Query {
    checked: Checked,
    /// The rule sees events as EMQX has them.
    is_emqx: bool,
}

impl Query {
    /// Compiles `text` against the catalogue of events: a name that is no field, function or event is an error.
    ///
    /// Returns the query with its warnings, or everything that is wrong.
    pub fn compile(text: &str) -> Result<(Query, Vec<Diagnostic>), Vec<Diagnostic>> {
        Query::compile_in(text, Mode::Catalogue)
    }

    /// Compiles `text` for contexts of any shape: a name that is not in the catalogue is a column that may be there.
    pub fn compile_open(text: &str) -> Result<(Query, Vec<Diagnostic>), Vec<Diagnostic>> {
        Query::compile_in(text, Mode::Open)
    }

    /// Compiles `text` as a rule that was written for EMQX: names that are not in the catalogue are NULL, with a warning,
    /// and the rule sees events as EMQX has them.
    pub fn compile_emqx(text: &str) -> Result<(Query, Vec<Diagnostic>), Vec<Diagnostic>> {
        Query::compile_in(text, Mode::Emqx)
    }

    /// What the rule listens to. An event that several of them match is evaluated once.
    pub fn from(&self) -> &[Source] {
        &self.checked.sources.listed
    }

    /// Whether FROM names what these columns are: by `topic` for messages, by `event` for other events.
    ///
    /// [`Query::eval`] does not ask: who has an index of sources knows already.
    pub fn matches(&self, columns: &dyn Columns) -> bool {
        self.checked.sources.matches(columns)
    }

    /// The fields of a row with their types; `None` where they are known only when the event is there, as with `*`.
    pub fn output_fields(&self) -> Option<Vec<(ByteString, Type)>> {
        self.checked.output.clone()
    }

    /// What is to be said of the rule where `jq` is switched off: nothing, unless it calls that.
    pub fn check_without_jq(&self) -> Option<Diagnostic> {
        let help = "set `enabled = true` in `[rules.jq]` of signalbox.toml";
        let call = self.checked.jq?.range();
        Some(Diagnostic::error(codes::FUNCTION_OFF, call, "the function `jq` is switched off").with_help(help))
    }

    /// What is to be said of the rule where only the sources `known` are there.
    pub fn check_sources(&self, known: &[SourceTopic]) -> Vec<Diagnostic> {
        let unknown = self.checked.sources.named.iter().filter(|(source, _)| !known.contains(source));
        unknown.map(|(source, span)| unknown_source(source, span.range(), known)).collect()
    }

    /// Whether the event exists for this rule. One that was compiled by [`Query::compile_emqx`] knows nothing of those
    /// that EMQX has not got, and [`Query::eval`] makes no row of them.
    pub fn knows(&self, columns: &dyn Columns) -> bool {
        !self.is_emqx || EmqxColumns::of(columns).is_some()
    }

    /// Whether the rule sees events as EMQX has them.
    pub(crate) const fn is_emqx(&self) -> bool {
        self.is_emqx
    }

    /// Makes the rows of one event.
    pub fn eval(&self, columns: &dyn Columns, ctx: &Context<'_>) -> Result<Rows, EvalError> {
        if self.is_emqx {
            let Some(columns) = EmqxColumns::of(columns) else { return Ok(Rows::NoMatch) };
            return eval::run(&self.checked.plan, &columns, ctx).map_err(|error| *error);
        }
        eval::run(&self.checked.plan, columns, ctx).map_err(|error| *error)
    }

    /// What an evaluation does.
    pub(crate) const fn plan(&self) -> &Plan {
        &self.checked.plan
    }

    fn compile_in(text: &str, mode: Mode) -> Result<(Query, Vec<Diagnostic>), Vec<Diagnostic>> {
        let statement = syntax::parse(text).map_err(|misread| check_rest(text, *misread, mode))?;
        match check(text, statement, mode) {
            (Some(checked), warnings) => Ok((Query { checked, is_emqx: mode == Mode::Emqx }, warnings)),
            (None, diagnostics) => Err(diagnostics),
        }
    }
}

fn unknown_source(source: &SourceTopic, range: Range<usize>, known: &[SourceTopic]) -> Diagnostic {
    let name = source.name();
    let near = closest(name, known.iter().map(SourceTopic::name));
    let help = match near.and_then(|near| known.iter().find(|source| source.name() == near)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("declare it in the configuration: `[sources.{name}]`"),
        None => {
            let known: Vec<String> = known.iter().map(|source| format!("`{source}`")).collect();
            format!("the sources are {}; declare another in the configuration: `[sources.{name}]`", known.join(", "))
        }
    };
    Diagnostic::error(codes::UNKNOWN_SOURCE, range, format!("no source `{source}`")).with_help(help)
}
