//! Paths: along the payload's document where one can, along values elsewhere.

use events::Value;

use super::expression::eval;
use super::frame::{Evaluated, Frame, PayloadView, Scope, Slot, empty_frame, error, fault_at, too_large};
use super::rows::put_item;
use crate::codes;
use crate::json::{Node, decode};
use crate::plan::{Alias, Base, Path, PathStep};
use crate::syntax::span::Span;
use crate::values::describe::describe;
use crate::values::path::{Place, Step};

/// Where a path has come to.
#[derive(Clone, Debug)]
pub(super) enum Cursor<'c, 'e> {
    /// In the payload.
    Node(Node<'e>),
    /// In a value that stays where it is.
    Value(&'c Value),
    /// In a value that was made on the way.
    Owned(Value),
}

/// Where a path leads through what is there already.
enum Standing<'f, 'e> {
    /// In the payload.
    Node(Node<'e>),
    /// In a value.
    Value(&'f Value),
    /// There is nothing.
    Nowhere,
    /// Something has to be made on the way: an index, a text read as JSON, a column. Then [`reach`] knows.
    Elsewhere,
}

/// The value at the end of a path; NULL where there is none.
pub(super) fn eval_path<'e>(scope: &Scope<'e>, frame: &Frame<'e>, path: &Path, span: Span) -> Evaluated<Value> {
    match standing(scope, frame, path) {
        Standing::Node(node) => build(scope, node, span),
        Standing::Value(value) => Ok(value.clone()),
        Standing::Nowhere => Ok(Value::Null),
        Standing::Elsewhere => match reach(scope, frame, &path.base, &path.steps)? {
            Some(Slot::Node(node)) => build(scope, node, span),
            Some(Slot::Value(value)) => Ok(value),
            Some(Slot::Unset) | None => Ok(Value::Null),
        },
    }
}

/// What stands in the payload as a value.
#[inline]
pub(super) fn build(scope: &Scope<'_>, node: Node<'_>, span: Span) -> Evaluated<Value> {
    scope.budget.charge(node.text_len()).map_err(|fault| fault_at(fault, span))?;
    node.to_value().map_err(|large| too_large(large, span))
}

/// The same without building what stands in the payload.
pub(super) fn locate<'e>(scope: &Scope<'e>, frame: &Frame<'e>, path: &Path) -> Evaluated<Slot<'e>> {
    match standing(scope, frame, path) {
        Standing::Node(node) => Ok(Slot::Node(node)),
        Standing::Value(value) => Ok(Slot::Value(value.clone())),
        Standing::Nowhere => Ok(Slot::Unset),
        Standing::Elsewhere => Ok(reach(scope, frame, &path.base, &path.steps)?.unwrap_or_default()),
    }
}

/// Follows a path as far as nothing has to be made on the way, which for most is to their end.
#[inline]
fn standing<'f, 'e>(scope: &Scope<'e>, frame: &'f Frame<'e>, path: &Path) -> Standing<'f, 'e>
where
    'e: 'f,
{
    match &path.base {
        Base::Payload => match scope.payload() {
            PayloadView::Node(node) => through_payload(node, &path.steps),
            PayloadView::Value(value) => through_value(value, &path.steps),
            PayloadView::Nothing => Standing::Nowhere,
        },
        Base::Slot(slot) => match frame.get(usize::from(*slot)) {
            Some(Slot::Node(node)) => through_payload(*node, &path.steps),
            Some(Slot::Value(value)) => through_value(value, &path.steps),
            Some(Slot::Unset) | None => Standing::Nowhere,
        },
        Base::Column(_) | Base::SlotThen(_, _) | Base::Alias(_) => Standing::Elsewhere,
    }
}

#[inline]
fn through_payload<'f, 'e>(mut at: Node<'e>, steps: &[PathStep]) -> Standing<'f, 'e> {
    for step in steps {
        let next = match step {
            PathStep::Key(key) => at.member(key),
            PathStep::Place(place) => at.element(*place),
            PathStep::Index { .. } => return Standing::Elsewhere,
        };
        at = match next {
            Some(next) => next,
            None if at.is_text() => return Standing::Elsewhere,
            None => return Standing::Nowhere,
        };
    }
    Standing::Node(at)
}

#[inline]
fn through_value<'f, 'e>(mut at: &'f Value, steps: &[PathStep]) -> Standing<'f, 'e> {
    for step in steps {
        let next = match (step, at) {
            (PathStep::Index { .. }, _) | (_, Value::Text(_)) => return Standing::Elsewhere,
            (PathStep::Key(key), Value::Map(map)) => map.get(key),
            (PathStep::Place(place), Value::List(items)) => place.position(items.len()).and_then(|at| items.get(at)),
            (PathStep::Key(_) | PathStep::Place(_), _) => None,
        };
        let Some(next) = next else { return Standing::Nowhere };
        at = next;
    }
    Standing::Value(at)
}

/// `path[from..to]`: a list from the first to the last of these places, cut where the list ends.
pub(super) fn eval_slice<'e>(
    scope: &Scope<'e>,
    frame: &Frame<'e>,
    path: &Path,
    bounds: (i64, i64),
    span: Span,
) -> Evaluated<Value> {
    let found = eval_path(scope, frame, path, span)?;
    let read = if let Value::Text(text) = &found { decode(text) } else { None };
    let Value::List(items) = read.as_ref().unwrap_or(&found) else {
        return Err(error(codes::EVAL_TYPE, span, format!("a slice wants a list, found {}", describe(&found))));
    };
    let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let from_start = |bound: i64| if bound < 0 { len + bound + 1 } else { bound };
    let (from, to) = (from_start(bounds.0).max(1), from_start(bounds.1).min(len));
    let slice = match (usize::try_from(from - 1), usize::try_from(to)) {
        (Ok(from), Ok(to)) => items.get(from..to).unwrap_or_default(),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => &[],
    };
    Ok(Value::from(slice.to_vec()))
}

/// What stands at the end of `steps` from where a path begins.
pub(crate) fn reach<'e>(
    scope: &Scope<'e>,
    frame: &Frame<'e>,
    base: &Base,
    steps: &[PathStep],
) -> Evaluated<Option<Slot<'e>>> {
    match base {
        Base::Column(column) => walk(scope, frame, Cursor::Owned(scope.column(column)), steps),
        Base::Payload => match scope.payload() {
            PayloadView::Node(node) => walk(scope, frame, Cursor::Node(node), steps),
            PayloadView::Value(value) => walk(scope, frame, Cursor::Value(value), steps),
            PayloadView::Nothing => Ok(None),
        },
        Base::Slot(slot) => from_slot(scope, frame, frame.get(usize::from(*slot)), steps),
        Base::SlotThen(slot, then) => match from_slot(scope, frame, frame.get(usize::from(*slot)), steps)? {
            Some(found) => Ok(Some(found)),
            None => reach(scope, frame, then, steps),
        },
        Base::Alias(alias) => from_alias(scope, alias, steps),
    }
}

fn from_slot<'e>(
    scope: &Scope<'e>,
    frame: &Frame<'e>,
    slot: Option<&Slot<'e>>,
    steps: &[PathStep],
) -> Evaluated<Option<Slot<'e>>> {
    match slot {
        Some(Slot::Value(value)) => walk(scope, frame, Cursor::Value(value), steps),
        Some(Slot::Node(node)) => walk(scope, frame, Cursor::Node(*node), steps),
        Some(Slot::Unset) | None => Ok(None),
    }
}

/// An alias in WHERE: makes what it is made of, in a frame of its own, and keeps the values for the row.
fn from_alias<'e>(scope: &Scope<'e>, alias: &Alias, steps: &[PathStep]) -> Evaluated<Option<Slot<'e>>> {
    let mut frame = empty_frame(scope.slots);
    for &at in &alias.needs {
        let Some(item) = scope.items.get(at) else { continue };
        let kept = scope.kept.borrow().get(at).cloned().flatten();
        let value = match kept {
            Some(value) => value,
            None => {
                scope.budget.step().map_err(|fault| fault_at(fault, item.expr.span))?;
                let value = eval(scope, &frame, &item.expr)?;
                if let Some(place) = scope.kept.borrow_mut().get_mut(at) {
                    *place = Some(value.clone());
                }
                value
            }
        };
        put_item(scope, &mut frame, &item.target, value)?;
    }
    let found = from_slot(scope, &frame, frame.get(usize::from(alias.slot)), steps)?;
    match (found, &alias.otherwise) {
        (None, Some(otherwise)) => reach(scope, &frame, otherwise, steps),
        (found, _) => Ok(found),
    }
}

/// What stands at the end of `steps`.
fn walk<'e>(
    scope: &Scope<'e>,
    frame: &Frame<'e>,
    start: Cursor<'_, 'e>,
    steps: &[PathStep],
) -> Evaluated<Option<Slot<'e>>> {
    let keeps_parent = steps.iter().any(|step| matches!(step, PathStep::Index { beside: Some(_), .. }));
    let (mut at, mut parent) = (start, None);
    for step in steps {
        let next = match step {
            PathStep::Key(key) => {
                let next = at.member(key);
                if keeps_parent {
                    parent = Some(at);
                }
                next
            }
            PathStep::Place(place) => at.element(*place),
            PathStep::Index { index, beside } => {
                let span = index.span;
                let mut index = eval(scope, frame, index)?;
                if let (Value::Null, Some(beside), Some(parent)) = (&index, beside, &parent) {
                    index = parent.clone().along(beside).map_err(|large| too_large(large, span))?;
                }
                match index {
                    Value::Int(number) => at.element(Place::of(number)),
                    Value::Null
                    | Value::Bool(_)
                    | Value::BigInt(_)
                    | Value::Float(_)
                    | Value::Text(_)
                    | Value::Bytes(_)
                    | Value::List(_)
                    | Value::Map(_) => None,
                }
            }
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(match at {
        Cursor::Node(node) => Slot::Node(node),
        Cursor::Value(value) => Slot::Value(value.clone()),
        Cursor::Owned(value) => Slot::Value(value),
    }))
}

impl<'c, 'e> Cursor<'c, 'e> {
    /// The value of a key. A text is read as JSON.
    fn member(&self, key: &str) -> Option<Cursor<'c, 'e>> {
        match self {
            Cursor::Node(node) => match node.member(key) {
                Some(member) => Some(Cursor::Node(member)),
                None => Cursor::Owned(decode(&node.as_text()?.into_owned().into())?).member(key),
            },
            Cursor::Value(Value::Map(map)) => map.get(key).map(Cursor::Value),
            Cursor::Owned(Value::Map(map)) => map.get(key).cloned().map(Cursor::Owned),
            Cursor::Value(Value::Text(text)) | Cursor::Owned(Value::Text(text)) => {
                Cursor::Owned(decode(text)?).member(key)
            }
            Cursor::Value(_) | Cursor::Owned(_) => None,
        }
    }

    /// The element at a place. A text is read as JSON.
    fn element(&self, place: Place) -> Option<Cursor<'c, 'e>> {
        match self {
            Cursor::Node(node) => match node.element(place) {
                Some(element) => Some(Cursor::Node(element)),
                None => Cursor::Owned(decode(&node.as_text()?.into_owned().into())?).element(place),
            },
            Cursor::Value(Value::List(items)) => items.get(place.position(items.len())?).map(Cursor::Value),
            Cursor::Owned(Value::List(items)) => items.get(place.position(items.len())?).cloned().map(Cursor::Owned),
            Cursor::Value(Value::Text(text)) | Cursor::Owned(Value::Text(text)) => {
                Cursor::Owned(decode(text)?).element(place)
            }
            Cursor::Value(_) | Cursor::Owned(_) => None,
        }
    }

    /// The value at the end of plain steps.
    fn along(self, steps: &[Step]) -> Result<Value, crate::json::NumberTooLarge> {
        let mut at = self;
        for step in steps {
            let next = match step {
                Step::Key(key) => at.member(key),
                Step::Index(place) => at.element(*place),
            };
            match next {
                Some(next) => at = next,
                None => return Ok(Value::Null),
            }
        }
        match at {
            Cursor::Node(node) => node.to_value(),
            Cursor::Value(value) => Ok(value.clone()),
            Cursor::Owned(value) => Ok(value),
        }
    }
}
