//! The slots of an evaluation.

use std::cell::{Cell, OnceCell, RefCell};

use events::{Kind, Value};
use smallvec::SmallVec;

use super::budget::Budget;
use crate::columns::NotJson;
use crate::functions::Fault;
use crate::json::{Document, Node, NumberTooLarge};
use crate::plan::{Column, Item, PAYLOAD};
use crate::syntax::span::Span;
use crate::{Columns, Context, EvalError, codes};

/// What fails is told in a box, so that what succeeds stays small.
pub(crate) type Evaluated<T> = Result<T, Box<EvalError>>;

/// What stands in a slot.
#[derive(Clone, Debug, Default)]
pub(crate) enum Slot<'e> {
    /// Nothing was put there.
    #[default]
    Unset,
    Value(Value),
    /// A value in the payload that was not built.
    Node(Node<'e>),
}

/// The slots of a row, or of WHERE.
pub(crate) type Frame<'e> = SmallVec<[Slot<'e>; FRAME_INLINE]>;

/// Up to this many slots take no memory of their own.
const FRAME_INLINE: usize = 6;

/// A frame of that many slots in which nothing was put.
pub(crate) fn empty_frame<'e>(slots: usize) -> Frame<'e> {
    if slots == 0 {
        Frame::new()
    } else if slots <= FRAME_INLINE {
        Frame::from_buf_and_len([const { Slot::Unset }; FRAME_INLINE], slots)
    } else {
        (0..slots).map(|_| Slot::Unset).collect()
    }
}

/// What an evaluation reads besides its frame.
pub(crate) struct Scope<'e> {
    pub(crate) columns: &'e dyn Columns,
    pub(crate) kind: Option<Kind>,
    pub(super) ctx: &'e Context<'e>,
    pub(crate) budget: &'e Budget,
    /// The payload, where the columns do not keep its document.
    own_payload: &'e OnceCell<Payload>,
    /// The document of the payload, once a path has led into it.
    document: Cell<Option<&'e Document>>,
    /// The items that aliases in WHERE are made of.
    pub(crate) items: &'e [Item],
    pub(crate) slots: usize,
    /// The values of those that were evaluated.
    pub(crate) kept: RefCell<Vec<Option<Value>>>,
}

/// A payload that was looked into.
#[derive(Debug)]
pub(crate) enum Payload {
    Json(Document),
    NotJson,
    /// No bytes: NULL, or a map in a context of JSON.
    Value(Value),
}

/// A payload as a path sees it.
pub(crate) enum PayloadView<'e> {
    Node(Node<'e>),
    Value(&'e Value),
    Nothing,
}

impl<'e> Scope<'e> {
    pub(crate) fn new(
        columns: &'e dyn Columns,
        ctx: &'e Context<'e>,
        budget: &'e Budget,
        own_payload: &'e OnceCell<Payload>,
    ) -> Scope<'e> {
        let kept = RefCell::new(Vec::new());
        let (kind, document) = (columns.kind(), Cell::new(None));
        Scope { columns, kind, ctx, budget, own_payload, document, items: &[], slots: 0, kept }
    }

    /// The value of a column; NULL where there is none.
    pub(crate) fn column(&self, column: &Column) -> Value {
        match self.kind.and_then(|kind| column.id(kind)) {
            Some(id) => self.columns.field(id),
            None => self.columns.by_name(&column.name).unwrap_or_default(),
        }
    }

    /// The payload as JSON. One that is not JSON is noted in the context.
    pub(crate) fn payload(&self) -> PayloadView<'e> {
        if let Some(document) = self.columns.document() {
            return match document {
                Ok(document) => self.root_of(document),
                Err(NotJson) => self.payload_not_json(),
            };
        }
        let payload = self.own_payload.get_or_init(|| {
            let value = self.column(&PAYLOAD);
            if !matches!(value, Value::Text(_) | Value::Bytes(_)) {
                return Payload::Value(value);
            }
            Document::of_payload(&value).map_or(Payload::NotJson, Payload::Json)
        });
        match payload {
            Payload::Json(document) => self.root_of(document),
            Payload::NotJson => self.payload_not_json(),
            Payload::Value(value) => PayloadView::Value(value),
        }
    }

    /// The document of the payload, where a path has led into it.
    pub(super) fn document(&self) -> Option<&'e Document> {
        self.document.get()
    }

    fn root_of(&self, document: &'e Document) -> PayloadView<'e> {
        self.document.set(Some(document));
        PayloadView::Node(document.root())
    }

    fn payload_not_json(&self) -> PayloadView<'e> {
        self.ctx.payload_not_json.set(true);
        PayloadView::Nothing
    }
}

/// An error at a place in the text.
pub(super) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Box<EvalError> {
    Box::new(EvalError { code, message: message.into(), span: span.range() })
}

/// What a limit says, at a place in the text.
pub(crate) fn fault_at(fault: Fault, span: Span) -> Box<EvalError> {
    error(fault.code, span, fault.message)
}

/// A number of the payload that is beyond what a number may be.
pub(super) fn too_large(NumberTooLarge: NumberTooLarge, span: Span) -> Box<EvalError> {
    error(
        codes::EVAL_RANGE,
        span,
        "expected an integer of at most 4,096 bits or a float of at most 1.8e308 in the payload",
    )
}
