//! The tree of a rule, every node with its place.

use bytestring::ByteString;
use events::Value;

use super::span::Span;
use crate::values::arithmetic::Arithmetic;
use crate::values::compare::Comparison;
use crate::values::path::Place;

/// A whole rule.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) verb: Verb,
    pub(crate) from: Vec<Topic>,
    pub(crate) filter: Option<Expr>,
}

/// What a rule does with an event.
#[derive(Clone, Debug)]
pub(crate) enum Verb {
    Select(Vec<Field>),
    Foreach { fields: Vec<Field>, each: Option<Vec<Field>>, incase: Option<Expr> },
}

/// An entry of FROM.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) text: ByteString,
    pub(crate) span: Span,
}

/// An entry of SELECT, FOREACH or DO.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    /// `*`, and where it stands.
    Star(Span),
    Item {
        expr: Expr,
        target: Option<Path>,
    },
}

/// An expression.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
    /// How deep the tree below is.
    pub(crate) depth: usize,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Literal(Value),
    Path(Path),
    /// `a.b[2..4]`.
    Slice {
        path: Path,
        from: i64,
        to: i64,
    },
    /// `[1..4]`.
    Range {
        from: i64,
        to: i64,
    },
    List(Vec<Expr>),
    Map(Vec<(ByteString, Expr)>),
    Call {
        name: String,
        name_span: Span,
        args: Vec<Expr>,
    },
    Negate(Box<Expr>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    /// Operators of one precedence in a row, from left to right.
    Arithmetic {
        first: Box<Expr>,
        rest: Vec<(Arithmetic, Expr)>,
    },
    Compare {
        op: Comparison,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    TopicMatch {
        topic: Box<Expr>,
        filter: Box<Expr>,
    },
    In {
        negated: bool,
        operand: Box<Expr>,
        items: Vec<Expr>,
    },
    Like {
        negated: bool,
        operand: Box<Expr>,
        pattern: Box<Expr>,
    },
    Between {
        negated: bool,
        operand: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    IsNull {
        negated: bool,
        operand: Box<Expr>,
    },
    Case {
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
}

/// A name and the steps below it.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) root: ByteString,
    pub(crate) root_span: Span,
    /// Whether the name stands in double quotes.
    pub(crate) quoted: bool,
    pub(crate) steps: Vec<PathStep>,
}

/// A step of a path.
#[derive(Clone, Debug)]
pub(crate) enum PathStep {
    Key(ByteString),
    /// An index that is written out, with its brackets.
    Place(Place, Span),
    /// An index that is known only when the event is there.
    Index(Box<Expr>),
}
