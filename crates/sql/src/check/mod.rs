//! The checker: here a name becomes a column, an alias or a slot, and everything that can be known to be wrong before
//! an event has come is told.

mod call;
mod constant;
mod expression;
mod hyphen;
mod names;
mod outcome;
mod projection;
mod reason;
mod shape;
mod source;
mod types;

use std::ops::Range;

use bytestring::ByteString;
use events::{Kind, Type};

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::plan::{Foreach, Plan, Projection, Verb};
use crate::query::Source;
use crate::syntax::span::Span;
use crate::syntax::{Misread, ast};
use names::{AliasTable, Names};
use projection::{ELEMENT, Locals, Projected};
pub(crate) use source::Sources;

/// A rule that was found to be right.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) plan: Plan,
    pub(crate) sources: Sources,
    pub(crate) output: Option<Vec<(ByteString, Type)>>,
    /// Where the rule calls `jq` first.
    pub(crate) jq: Option<Span>,
}

/// How names are taken that are not in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are errors.
    Catalogue,
    /// They are NULL, with a warning; reasons have EMQX's names. The rule sees events through [`crate::emqx::EmqxColumns`].
    Emqx,
    /// They are columns that may be there.
    Open,
}

impl Mode {
    /// Whether the columns are those of the catalogue, with its types.
    pub(crate) const fn knows_types(self) -> bool {
        match self {
            Mode::Catalogue | Mode::Emqx => true,
            Mode::Open => false,
        }
    }
}

/// Checks the tree of `text`. Returns the plan, where nothing is an error, and everything there is to tell.
pub(crate) fn check(text: &str, mut statement: ast::Statement, mode: Mode) -> (Option<Checked>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let sources = Sources::of(&statement.from, mode, &mut diagnostics);
    let mut checker = Checker {
        text,
        mode,
        kinds: sources.kinds(),
        listed: sources.listed_by_name.clone(),
        diagnostics,
        partly_absent: Vec::new(),
        hidden: Hidden::default(),
        jq: None,
    };
    checker.rename_reasons(&mut statement);
    let (plan, output) = match &statement.verb {
        ast::Verb::Select(fields) => checker.select(fields, statement.filter.as_ref()),
        ast::Verb::Foreach { fields, each, incase } => {
            checker.foreach(fields, each.as_deref(), incase.as_ref(), statement.filter.as_ref())
        }
    };
    let refused = checker.diagnostics.iter().any(|d| d.severity == crate::Severity::Error);
    ((!refused).then_some(Checked { plan, sources, output, jq: checker.jq }), checker.diagnostics)
}

/// Everything that is wrong with a text whose grammar is: what is left of it is checked too, so that one run tells all.
pub(crate) fn check_rest(text: &str, misread: Misread, mode: Mode) -> Vec<Diagnostic> {
    let Misread { mut diagnostics, statement, skipped } = misread;
    let Some(statement) = statement else { return diagnostics };
    let (_, found) = check(text, statement, mode);
    let more: Vec<Diagnostic> = found.into_iter().filter(|more| !follows(more, text, &diagnostics, &skipped)).collect();
    diagnostics.extend(more);
    diagnostics
}

/// Whether what is said is probably a consequence of a mistake in the grammar: what is NULL may be what was not read, and
/// a name that is missing may be an alias that was passed over.
fn follows(more: &Diagnostic, text: &str, told: &[Diagnostic], skipped: &[Range<usize>]) -> bool {
    let Range { start, end } = more.span;
    let name = text.get(start..end).unwrap_or_default();
    let holds_name = |range: &Range<usize>| text.get(range.clone()).is_some_and(|skipped| skipped.contains(name));
    more.severity == crate::Severity::Warning
        || told.iter().any(|told| (start..=end).contains(&told.span.start) || told.span.end == start)
        || (more.code == codes::WRONG_TYPE && told.iter().any(|told| told.span.start == end + 1))
        || (more.code == codes::UNKNOWN_FIELD && skipped.iter().any(holds_name))
}

/// Where the check has come to.
struct Checker<'t> {
    text: &'t str,
    mode: Mode,
    /// The kinds of events the rule listens to.
    kinds: Vec<Kind>,
    /// Those that FROM names without a wildcard.
    listed: Vec<Kind>,
    diagnostics: Vec<Diagnostic>,
    /// Where `jq` is called first.
    jq: Option<Span>,
    /// The fields of which was told that not every source has them.
    partly_absent: Vec<ByteString>,
    hidden: Hidden,
}

/// Names that people look for in FOREACH where they are not.
#[derive(Debug, Default)]
struct Hidden {
    /// What DO makes, with its text, while WHERE and INCASE are read.
    made_by_do: Vec<(ByteString, Span)>,
    /// What the element of FOREACH is called.
    element: Option<ByteString>,
}

type Output = Option<Vec<(ByteString, Type)>>;

impl Checker<'_> {
    fn select(&mut self, fields: &[ast::Field], filter: Option<&ast::Expr>) -> (Plan, Output) {
        let mut names = Names::new();
        let projected = self.projection(fields, &mut names);
        let aliases = projected.alias_table();
        let filter = filter.map(|filter| self.filter(filter, &aliases));
        let keeps_aliases = aliases.was_used();
        let output = projected.output();
        let projection = projected.into_projection(keeps_aliases);
        let slots = if matches!(projection, Projection::Direct(_)) { 0 } else { names.slots() };
        (Plan { filter, verb: Verb::Select(projection), slots, keeps_aliases }, output)
    }

    fn foreach(
        &mut self,
        fields: &[ast::Field],
        each: Option<&[ast::Field]>,
        incase: Option<&ast::Expr>,
        filter: Option<&ast::Expr>,
    ) -> (Plan, Output) {
        let mut names = Names::new();
        self.hidden = Hidden::of(fields, each.unwrap_or_default());
        let located = self.foreach_fields(fields, &mut names);
        let aliases = located.alias_table();
        let filter = filter.map(|filter| self.filter(filter, &aliases));
        let keeps_aliases = aliases.was_used();
        if let Some(ast::Field::Item { expr, target }) = fields.last() {
            self.warn_of_no_list(located.last(), expr);
            self.warn_of_element_path(target.as_ref());
        }
        let locals = located.into_locals(&mut names);
        let incase = incase.map(|incase| self.whole_condition(incase, &mut names));
        self.hidden.made_by_do.clear();
        let alias_slots = names.slots();
        let projected = self.projection(each.unwrap_or(&[ast::Field::Star(Span::default())]), &mut names);
        let output = projected.output();
        let each = projected.into_projection(false);
        let slots = if matches!(each, Projection::Direct(_)) { alias_slots } else { names.slots() };
        let span = locals.fields.last().map(|collection| collection.expr.span).unwrap_or_default();
        let Locals { fields, element, names: locals } = locals;
        let foreach = Foreach { fields, element, locals, incase, each, slots: alias_slots, span };
        (Plan { filter, verb: Verb::Foreach(foreach), slots, keeps_aliases }, output)
    }

    fn filter(&mut self, filter: &ast::Expr, aliases: &AliasTable) -> crate::plan::Expr {
        let mut names = Names::of_filter(aliases);
        self.whole_condition(filter, &mut names)
    }

    /// WHERE or INCASE.
    fn whole_condition(&mut self, condition: &ast::Expr, names: &mut Names<'_>) -> crate::plan::Expr {
        let checked = self.condition(condition, names);
        self.warn_of_outcome(condition, names);
        checked
    }

    fn foreach_fields(&mut self, fields: &[ast::Field], names: &mut Names<'_>) -> Projected {
        for field in fields {
            if let ast::Field::Star(span) = field {
                let message = "`*` may not stand after `FOREACH`, which wants a list to go through";
                self.error(codes::CLAUSE, *span, message);
            }
        }
        self.projection(fields, names)
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, span.range(), message));
    }

    fn error_with_help(&mut self, code: &'static str, span: Span, message: String, help: Option<String>) {
        self.diagnostics.push(Diagnostic::error(code, span.range(), message).with_help_if(help));
    }
}

impl Hidden {
    fn of(fields: &[ast::Field], each: &[ast::Field]) -> Hidden {
        let target_of = |field: &ast::Field| match field {
            ast::Field::Item { expr, target: Some(target) } => Some((target.root.clone(), expr.span)),
            ast::Field::Item { target: None, .. } | ast::Field::Star(_) => None,
        };
        let named = fields.last().and_then(target_of).map(|(name, _)| name);
        let element = Some(named.unwrap_or_else(|| ByteString::from_static(ELEMENT)));
        Hidden { made_by_do: each.iter().filter_map(target_of).collect(), element }
    }
}

impl Sources {
    /// The kinds of events there may come.
    fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self
            .listed
            .iter()
            .map(|source| match source {
                Source::Event(kind) => *kind,
                Source::Topic(_) => Kind::MessagePublish,
                Source::Named(_) => Kind::SourceMessage,
            })
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}
