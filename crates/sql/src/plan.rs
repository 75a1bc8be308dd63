//! A checked rule, ready to be evaluated: names have become columns, slots and paths.
//!
//! A slot is a place in a [`crate::eval`] frame: a field of the row that another expression reads, an alias of FOREACH,
//! the element at hand.

use std::sync::LazyLock;

use bytestring::ByteString;
use events::{FieldId, Kind, Type, Value};
use regex::Regex;

use crate::functions::Function;
use crate::syntax::span::Span;
use crate::values::arithmetic::Arithmetic;
use crate::values::compare::Comparison;
use crate::values::path::{Place, Step};

/// What is done with an event.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) filter: Option<Expr>,
    pub(crate) verb: Verb,
    /// How many slots a frame has.
    pub(crate) slots: usize,
    /// Whether WHERE names aliases, so that their values are kept for the row.
    pub(crate) keeps_aliases: bool,
}

/// One row, or one for every element.
#[derive(Debug)]
pub(crate) enum Verb {
    Select(Projection),
    Foreach(Foreach),
}

/// FOREACH: the fields before the last, the collection, and what is done with its elements.
#[derive(Debug)]
pub(crate) struct Foreach {
    /// Every field in order; the last is the collection.
    pub(crate) fields: Box<[Item]>,
    /// Where the element at hand stands.
    pub(crate) element: u16,
    /// The names that `*` adds to the columns.
    pub(crate) locals: Box<[(ByteString, u16)]>,
    pub(crate) incase: Option<Expr>,
    pub(crate) each: Projection,
    /// How many of the slots are aliases and the element; those of DO stand behind them.
    pub(crate) slots: usize,
    /// Where the collection stands in the text.
    pub(crate) span: Span,
}

/// How a row is made.
#[derive(Debug)]
pub(crate) enum Projection {
    /// Every field has a place of its own and none is read by another: values go right into the row.
    Direct(Box<[(ByteString, Shape)]>),
    /// Values go into slots; then the row is put together from the pieces.
    Staged { items: Box<[Item]>, pieces: Box<[Piece]> },
}

/// What stands under a name of a row.
#[derive(Debug)]
pub(crate) enum Shape {
    Value(Expr),
    /// The fields below the name, as in `SELECT a.b, a.c`.
    Map(Box<[(ByteString, Shape)]>),
}

/// A piece of a row.
#[derive(Debug)]
pub(crate) enum Piece {
    /// `*`.
    Star,
    /// A slot and its name, which may be that of a column.
    Slot(Column, u16),
}

/// A value and where it is put.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) expr: Expr,
    pub(crate) target: Target,
}

/// Where a value is put.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) slot: u16,
    /// Below the slot.
    pub(crate) steps: Box<[PathStep]>,
    /// What stands there before anything was put: the column, after `*`.
    pub(crate) initial: Option<Base>,
    /// The slot is `payload`, in which one may only put where it is JSON.
    pub(crate) in_payload: bool,
    pub(crate) span: Span,
}

/// An expression with its place in the text, which errors point at.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) node: Node,
    pub(crate) span: Span,
    /// What is known of its values before an event has come.
    pub(crate) ty: Type,
}

/// What an expression does.
#[derive(Debug)]
pub(crate) enum Node {
    Constant(Value),
    Column(Column),
    Slot(u16),
    Path(Box<Path>),
    Slice {
        path: Box<Path>,
        from: i64,
        to: i64,
    },
    Range {
        from: i64,
        to: i64,
    },
    List(Box<[Expr]>),
    Map(Box<[(ByteString, Expr)]>),
    Call(Box<Call>),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    And(Box<[Expr]>),
    Or(Box<[Expr]>),
    Arithmetic {
        first: Box<Expr>,
        /// One or more.
        rest: Box<[(Arithmetic, Expr)]>,
    },
    Compare {
        op: Comparison,
        operands: Box<[Expr; 2]>,
    },
    /// One side is a constant.
    CompareConstant {
        op: Comparison,
        left: Box<Expr>,
        right: Value,
    },
    TopicMatch {
        operands: Box<[Expr; 2]>,
    },
    In {
        negated: bool,
        operand: Box<Expr>,
        items: Box<[Expr]>,
    },
    Like {
        negated: bool,
        operands: Box<[Expr; 2]>,
    },
    Between {
        negated: bool,
        operands: Box<[Expr; 3]>,
    },
    IsNull {
        negated: bool,
        operand: Box<Expr>,
    },
    Case(Box<Case>),
}

/// CASE: with an operand its branches compare with it, without one they are conditions.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) operand: Option<Expr>,
    pub(crate) branches: Box<[(Expr, Expr)]>,
    pub(crate) otherwise: Option<Expr>,
}

/// A call of a function.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) function: &'static Function,
    /// The arguments as they are written, then the columns that the function reads.
    pub(crate) args: Box<[Expr]>,
    /// The regular expression, where it is a constant.
    pub(crate) regex: Option<Regex>,
}

/// A way to a value.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) base: Base,
    pub(crate) steps: Box<[PathStep]>,
}

/// Where a path begins.
#[derive(Debug)]
pub(crate) enum Base {
    Column(Column),
    /// The column `payload`, whose document is read at most once.
    Payload,
    Slot(u16),
    /// A slot that holds only what was put below its name; what is not there is looked up further.
    SlotThen(u16, Box<Base>),
    /// An alias that WHERE names; evaluated when WHERE comes to it.
    Alias(Box<Alias>),
}

/// An alias in WHERE.
#[derive(Debug)]
pub(crate) struct Alias {
    pub(crate) slot: u16,
    /// The items that make it, in order.
    pub(crate) needs: Box<[usize]>,
    /// Where what is not there is looked up further.
    pub(crate) otherwise: Option<Base>,
}

/// A step of a path.
#[derive(Debug)]
pub(crate) enum PathStep {
    Key(ByteString),
    Place(Place),
    /// An index that is known only when the event is there. Where it is NULL and `beside` is given, the index is what
    /// these steps lead to beside the list.
    Index {
        index: Expr,
        beside: Option<Box<[Step]>>,
    },
}

/// The column `payload`.
pub(crate) static PAYLOAD: LazyLock<Column> = LazyLock::new(|| Column::of("payload"));

/// A column: by slot in an event of a kind that has it, by name elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: ByteString,
    /// Indexed by kind; [`Column::NONE`] where the kind has no such field.
    ids: [u16; Kind::ALL.len()],
}

impl Column {
    const NONE: u16 = u16::MAX;

    /// The column of that name, in whatever event.
    pub(crate) fn of(name: &str) -> Column {
        let mut ids = [Column::NONE; Kind::ALL.len()];
        let mut shared = None;
        for (id, kind) in ids.iter_mut().zip(Kind::ALL) {
            if let Some((FieldId(at), field)) = kind.event_type().field(name) {
                *id = at;
                shared = Some(field.name);
            }
        }
        Column { name: shared.map_or_else(|| name.into(), ByteString::from_static), ids }
    }

    /// The field in an event of this kind.
    pub(crate) fn id(&self, kind: Kind) -> Option<FieldId> {
        self.ids.get(usize::from(kind as u8)).copied().filter(|id| *id != Column::NONE).map(FieldId)
    }
}
