//! Why a rule made the rows of an event that it made, or none.
//!
//! Every expression is evaluated by the evaluator itself, once and in its order: [`tree`] hands it the operands as slots
//! that are filled already, and keeps what came out. Nothing of this runs where nobody asks.

mod compare;
mod path;
mod reasons;
mod source;
mod tree;

use std::cell::OnceCell;
use std::ops::Range;

use bytestring::ByteString;
use events::{Map, Value};

use crate::emqx::EmqxColumns;
use crate::eval::{self, Budget, Frame, Scope, Slot};
use crate::plan::{Foreach, Piece, Plan, Projection, Shape, Verb};
use crate::{Columns, Context, EvalError, Query, Rows};
use tree::Tracer;

/// Why a rule made the rows of an event that it made, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The entries of FROM as they are written.
    pub from: Vec<Entry>,
    /// Whether the rule has `compat = "emqx"` and EMQX has no such event: no entry of FROM is asked then.
    pub is_unknown: bool,
    /// WHERE, where there is one and it was come to.
    pub filter: Option<Step>,
    /// What FOREACH went through, where it was come to.
    pub through: Option<Through>,
    /// What came of it all.
    pub outcome: Result<Rows, EvalError>,
}

/// An entry of FROM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its bytes in the text of the rule.
    pub span: Range<usize>,
    /// Why it does not match; `None` where it does.
    pub mismatch: Option<String>,
}

/// An expression, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its bytes in the text of the rule.
    pub span: Range<usize>,
    /// What it was worth.
    pub answer: Answer,
    /// What one would ask next: why it is NULL, why a comparison does not hold.
    pub note: Option<String>,
    /// Whether the whole is what it is because of this one.
    pub decides: bool,
    /// Its operands; constants are left out.
    pub steps: Vec<Step>,
}

/// What an expression was worth.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A value.
    Value(Value),
    /// It failed, and the rule with it.
    Failed(EvalError),
    /// It was not evaluated: what stands before it had decided.
    Skipped,
}

/// What FOREACH went through.
#[derive(Clone, Debug, PartialEq)]
pub struct Through {
    /// The bytes of the expression in the text of the rule.
    pub span: Range<usize>,
    /// Why there are no elements, where that can be told.
    pub note: Option<String>,
    /// The elements up to the one that failed, where one did.
    pub elements: Vec<Element>,
}

/// An element of the list that FOREACH goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// What it is.
    pub value: Value,
    /// INCASE, where there is one.
    pub incase: Option<Step>,
    /// The row that DO has made of it.
    pub row: Option<Map>,
}

impl Query {
    /// Evaluates as [`Query::eval`] does and tells how it went. `text` is what the query was compiled from.
    pub fn explain(&self, text: &str, columns: &dyn Columns, ctx: &Context<'_>) -> Explanation {
        let from = source::entries(text, columns);
        let is_unknown = !self.knows(columns);
        let outcome = Ok(Rows::NoMatch);
        let mut explanation = Explanation { from, is_unknown, filter: None, through: None, outcome };
        let theirs = if self.is_emqx() { EmqxColumns::of(columns) } else { None };
        let columns = theirs.as_ref().map_or(columns, |theirs| theirs as &dyn Columns);
        if !is_unknown && self.matches(columns) {
            let plan = self.plan();
            let budget = Budget::new(&ctx.limits, ctx.seed);
            let own_payload = OnceCell::new();
            let mut scope = Scope::new(columns, ctx, &budget, &own_payload);
            eval::prepare(plan, &mut scope);
            explanation.run(text, plan, &scope);
        }
        explanation
    }

    /// The names of a row with the expressions that make them, as bytes of the text. Names that come of `*` are not
    /// among them.
    pub fn origins(&self) -> Vec<(ByteString, Range<usize>)> {
        match &self.plan().verb {
            Verb::Select(projection) | Verb::Foreach(Foreach { each: projection, .. }) => origins_of(projection),
        }
    }
}

impl Explanation {
    /// Whether an entry of FROM matches the event.
    pub fn is_addressed(&self) -> bool {
        self.from.iter().any(|entry| entry.mismatch.is_none())
    }

    /// The steps of WHERE that made it what it is, the innermost ones.
    pub fn deciding(&self) -> Vec<&Step> {
        self.filter.as_ref().map(Step::deciding).unwrap_or_default()
    }

    fn run<'e>(&mut self, text: &str, plan: &'e Plan, scope: &Scope<'e>) {
        let mut frame = Frame::new();
        if let Some(filter) = &plan.filter {
            let mut step = Tracer::new(text, scope, &mut frame).condition(filter);
            step.decide();
            let holds = match &step.answer {
                Answer::Value(value) => *value == Value::Bool(true),
                Answer::Failed(error) => {
                    self.outcome = Err(error.clone());
                    false
                }
                Answer::Skipped => false,
            };
            self.filter = Some(step);
            if !holds {
                return;
            }
        }
        self.outcome = match &plan.verb {
            Verb::Select(_) => eval::rows_of(plan, scope),
            Verb::Foreach(foreach) => {
                let mut frame = eval::empty_frame(plan.slots);
                self.run_foreach(text, foreach, scope, &mut frame).map(Rows::Many)
            }
        }
        .map_err(|error| *error);
    }

    /// As the evaluator does it, with the conditions of the elements kept.
    fn run_foreach<'e>(
        &mut self,
        text: &str,
        foreach: &'e Foreach,
        scope: &Scope<'e>,
        frame: &mut Frame<'e>,
    ) -> eval::Evaluated<Vec<Map>> {
        let located = eval::collection(scope, frame, foreach)?;
        let span = foreach.span.range();
        let (elements, note) = elements_of(located, || path::why_no_elements(text, foreach, scope, frame));
        let through = self.through.insert(Through { span, note, elements: Vec::new() });
        let mut rows = Vec::new();
        for slot in elements {
            scope.budget.step().map_err(|fault| eval::fault_at(fault, foreach.span))?;
            let value = value_of(&slot);
            eval::place_element(frame, foreach, slot);
            through.elements.push(Element { value, incase: None, row: None });
            let Some(element) = through.elements.last_mut() else { continue };
            if let Some(incase) = &foreach.incase {
                let mut step = Tracer::new(text, scope, frame).condition(incase);
                step.decide();
                let answer = step.answer.clone();
                element.incase = Some(step);
                match answer {
                    Answer::Value(Value::Bool(true)) => {}
                    Answer::Failed(error) => return Err(Box::new(error)),
                    Answer::Value(_) | Answer::Skipped => continue,
                }
            }
            eval::check_row_count(scope, rows.len(), foreach)?;
            let row = eval::project(scope, frame, &foreach.each, &foreach.locals)?;
            element.row = Some(row.clone());
            rows.push(row);
        }
        Ok(rows)
    }
}

impl Step {
    /// The innermost steps that made this what it is.
    pub fn deciding(&self) -> Vec<&Step> {
        let mut found = Vec::new();
        self.collect_deciding(&mut found);
        found
    }

    /// The whole decides; below it only what decides there.
    fn decide(&mut self) {
        self.decides = true;
        self.keep_deciding();
    }

    fn keep_deciding(&mut self) {
        for step in &mut self.steps {
            step.decides &= self.decides;
            step.keep_deciding();
        }
    }

    fn collect_deciding<'s>(&'s self, found: &mut Vec<&'s Step>) {
        if !self.decides {
            return;
        }
        let before = found.len();
        for step in &self.steps {
            step.collect_deciding(found);
        }
        if found.len() == before {
            found.push(self);
        }
    }
}

/// The elements of a list; where there are none, why.
fn elements_of<'e>(located: Slot<'e>, why: impl FnOnce() -> Option<String>) -> (Vec<Slot<'e>>, Option<String>) {
    let elements: Vec<Slot<'e>> = match located {
        Slot::Node(node) => node.elements().map(Slot::Node).collect(),
        Slot::Value(Value::List(items)) => items.iter().cloned().map(Slot::Value).collect(),
        Slot::Value(_) | Slot::Unset => Vec::new(),
    };
    let note = if elements.is_empty() { why() } else { None };
    (elements, note)
}

/// The value of a slot; NULL where it holds a number beyond what a number may be.
fn value_of(slot: &Slot<'_>) -> Value {
    match slot {
        Slot::Unset => Value::Null,
        Slot::Value(value) => value.clone(),
        Slot::Node(node) => node.to_value().unwrap_or_default(),
    }
}

fn origins_of(projection: &Projection) -> Vec<(ByteString, Range<usize>)> {
    match projection {
        Projection::Direct(fields) => {
            fields.iter().filter_map(|(name, shape)| Some((name.clone(), span_of(shape)?))).collect()
        }
        Projection::Staged { items, pieces } => {
            let last_of = |slot: u16| items.iter().rfind(|item| item.target.slot == slot);
            let piece_origin = |piece: &Piece| match piece {
                Piece::Star => None,
                Piece::Slot(column, slot) => Some((column.name.clone(), last_of(*slot)?.expr.span.range())),
            };
            pieces.iter().filter_map(piece_origin).collect()
        }
    }
}

/// From the first expression below a name to the last.
fn span_of(shape: &Shape) -> Option<Range<usize>> {
    match shape {
        Shape::Value(expr) => Some(expr.span.range()),
        Shape::Map(fields) => {
            let spans = || fields.iter().filter_map(|(_, shape)| span_of(shape));
            Some(spans().next()?.start..spans().last()?.end)
        }
    }
}
