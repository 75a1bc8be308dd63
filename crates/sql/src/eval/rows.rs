//! The rows of an event: WHERE, then SELECT or FOREACH.

use std::cell::OnceCell;

use bytestring::ByteString;
use events::{Map, Value};

use super::budget::{Budget, too_deep};
use super::expression::{eval, holds};
use super::frame::{Evaluated, Frame, PayloadView, Scope, Slot, empty_frame, error, fault_at, too_large};
use super::path::locate;
use crate::json::decode;
use crate::plan::{Base, Foreach, Item, Node, PathStep, Piece, Plan, Projection, Shape, Target, Verb};
use crate::values::describe::describe;
use crate::values::path::{Place, Step, put};
use crate::values::weight::DEPTH_MAX;
use crate::{Columns, Context, Rows, codes};

/// Evaluates `plan` over `columns`.
pub(crate) fn run(plan: &Plan, columns: &dyn Columns, ctx: &Context<'_>) -> Evaluated<Rows> {
    let budget = Budget::new(&ctx.limits, ctx.seed);
    let own_payload = OnceCell::new();
    let mut scope = Scope::new(columns, ctx, &budget, &own_payload);
    prepare(plan, &mut scope);
    if let Some(filter) = &plan.filter
        && !holds(&scope, &Frame::new(), filter)?
    {
        return Ok(Rows::NoMatch);
    }
    rows_of(plan, &scope)
}

/// Gives the scope what WHERE may ask of the row.
#[inline]
pub(crate) fn prepare<'e>(plan: &'e Plan, scope: &mut Scope<'e>) {
    if plan.keeps_aliases {
        scope.items = plan.verb.items();
        scope.slots = plan.slots;
        scope.kept.borrow_mut().resize(scope.items.len(), None);
    }
}

/// What comes after WHERE.
#[inline]
pub(crate) fn rows_of(plan: &Plan, scope: &Scope<'_>) -> Evaluated<Rows> {
    let mut frame = empty_frame(plan.slots);
    match &plan.verb {
        Verb::Select(projection) => project(scope, &mut frame, projection, &[]).map(Rows::One),
        Verb::Foreach(foreach) => run_foreach(scope, &mut frame, foreach).map(Rows::Many),
    }
}

impl Verb {
    /// The items that WHERE may name.
    fn items(&self) -> &[Item] {
        match self {
            Verb::Select(Projection::Staged { items, .. }) => items,
            Verb::Select(Projection::Direct(_)) => &[],
            Verb::Foreach(foreach) => &foreach.fields,
        }
    }
}

fn run_foreach<'e>(scope: &Scope<'e>, frame: &mut Frame<'e>, foreach: &Foreach) -> Evaluated<Vec<Map>> {
    let mut rows = Vec::new();
    match collection(scope, frame, foreach)? {
        Slot::Node(node) => {
            for element in node.elements() {
                run_element(scope, frame, foreach, Slot::Node(element), &mut rows)?;
            }
        }
        Slot::Value(Value::List(items)) => {
            for element in items.iter() {
                run_element(scope, frame, foreach, Slot::Value(element.clone()), &mut rows)?;
            }
        }
        // What is no list has no elements.
        Slot::Value(_) | Slot::Unset => {}
    }
    Ok(rows)
}

/// The fields of FOREACH; the last one is what it goes through.
pub(crate) fn collection<'e>(scope: &Scope<'e>, frame: &mut Frame<'e>, foreach: &Foreach) -> Evaluated<Slot<'e>> {
    let Some((collection, fields)) = foreach.fields.split_last() else { return Ok(Slot::Unset) };
    for (at, item) in fields.iter().enumerate() {
        let value = eval_item(scope, frame, at, item)?;
        put_item(scope, frame, &item.target, value)?;
    }
    let located = collection_of(scope, frame, fields.len(), collection)?;
    // The fields of DO are others than those that WHERE may have kept.
    scope.kept.borrow_mut().clear();
    Ok(located)
}

fn run_element<'e>(
    scope: &Scope<'e>,
    frame: &mut Frame<'e>,
    foreach: &Foreach,
    element: Slot<'e>,
    rows: &mut Vec<Map>,
) -> Evaluated<()> {
    scope.budget.step().map_err(|fault| fault_at(fault, foreach.span))?;
    place_element(frame, foreach, element);
    if let Some(incase) = &foreach.incase
        && !holds(scope, frame, incase)?
    {
        return Ok(());
    }
    check_row_count(scope, rows.len(), foreach)?;
    rows.push(project(scope, frame, &foreach.each, &foreach.locals)?);
    Ok(())
}

/// Whether a row may follow on `len` of them.
pub(crate) fn check_row_count(scope: &Scope<'_>, len: usize, foreach: &Foreach) -> Evaluated<()> {
    if len < scope.ctx.limits.rows_max {
        return Ok(());
    }
    let message = format!("FOREACH makes more than {} rows", scope.ctx.limits.rows_max);
    Err(error(codes::EVAL_STEPS, foreach.span, message))
}

/// Makes `element` the one at hand.
pub(crate) fn place_element<'e>(frame: &mut Frame<'e>, foreach: &Foreach, element: Slot<'e>) {
    // What DO has put for the element before must not be there any more.
    for slot in frame.iter_mut().skip(foreach.slots) {
        *slot = Slot::Unset;
    }
    if let Some(slot) = frame.get_mut(usize::from(foreach.element)) {
        *slot = element;
    }
}

/// What FOREACH goes through. A list in the payload is not built.
fn collection_of<'e>(scope: &Scope<'e>, frame: &Frame<'e>, at: usize, collection: &Item) -> Evaluated<Slot<'e>> {
    let kept = scope.kept.borrow().get(at).cloned().flatten();
    match (kept, &collection.expr.node) {
        (Some(value), _) => Ok(Slot::Value(value)),
        (None, Node::Path(path)) => locate(scope, frame, path),
        // A bare `payload` is the list that it is as JSON.
        (None, Node::Column(column)) if column.name == "payload" => Ok(match scope.payload() {
            PayloadView::Node(node) => Slot::Node(node),
            PayloadView::Value(value) => Slot::Value(value.clone()),
            PayloadView::Nothing => Slot::Unset,
        }),
        (None, _) => Ok(Slot::Value(eval(scope, frame, &collection.expr)?)),
    }
}

/// Makes a row. `locals` are the aliases that `*` adds to the columns.
pub(crate) fn project<'e>(
    scope: &Scope<'e>,
    frame: &mut Frame<'e>,
    projection: &Projection,
    locals: &[(ByteString, u16)],
) -> Evaluated<Map> {
    match projection {
        Projection::Direct(fields) => project_direct(scope, frame, fields),
        Projection::Staged { items, pieces } => {
            for (at, item) in items.iter().enumerate() {
                let value = eval_item(scope, frame, at, item)?;
                put_item(scope, frame, &item.target, value)?;
            }
            put_together(scope, frame, pieces, locals).map_err(|large| too_large(large, span_of(items)))
        }
    }
}

/// The row of the pieces, whose values stand in their slots.
fn put_together(
    scope: &Scope<'_>,
    frame: &mut Frame<'_>,
    pieces: &[Piece],
    locals: &[(ByteString, u16)],
) -> Result<Map, crate::json::NumberTooLarge> {
    let mut row = Map::new();
    let last_star = pieces.iter().rposition(|piece| matches!(piece, Piece::Star)).unwrap_or(0);
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            // Behind the last `*` a slot is asked for once.
            Piece::Slot(column, slot) if at >= last_star => {
                let value = match frame.get_mut(usize::from(*slot)) {
                    Some(Slot::Value(value)) => std::mem::take(value),
                    Some(Slot::Node(node)) => node.to_value()?,
                    Some(Slot::Unset) | None => Value::Null,
                };
                // Slots differ in their names: behind one `*` that begins the row, only a column can be there already.
                let is_column = scope.kind.is_none_or(|kind| column.id(kind).is_some());
                if last_star == 0 && locals.is_empty() && !is_column {
                    row.push_new(column.name.clone(), value);
                } else {
                    row.insert(column.name.clone(), value);
                }
            }
            Piece::Slot(column, slot) => row.insert(column.name.clone(), slot_value(frame, *slot)?),
            Piece::Star => {
                star(scope, &mut row, pieces.len());
                for (name, slot) in locals {
                    row.insert(name.clone(), slot_value(frame, *slot)?);
                }
            }
        }
    }
    Ok(row)
}

fn project_direct<'e>(scope: &Scope<'e>, frame: &Frame<'e>, fields: &[(ByteString, Shape)]) -> Evaluated<Map> {
    let mut row = Map::with_capacity(fields.len());
    for (name, shape) in fields {
        match shape {
            Shape::Value(expr) => row.push_new(name.clone(), eval(scope, frame, expr)?),
            Shape::Map(fields) => row.push_new(name.clone(), project_direct(scope, frame, fields)?.into()),
        }
    }
    Ok(row)
}

fn star(scope: &Scope<'_>, row: &mut Map, more: usize) {
    let columns = scope.columns.all(more);
    if row.is_empty() {
        *row = columns;
    } else {
        for (name, value) in columns {
            row.insert(name, value);
        }
    }
}

/// The value of an item; the one that WHERE has evaluated already, where it has.
fn eval_item<'e>(scope: &Scope<'e>, frame: &Frame<'e>, at: usize, item: &Item) -> Evaluated<Value> {
    if let Some(kept) = scope.kept.borrow_mut().get_mut(at).and_then(Option::take) {
        return Ok(kept);
    }
    eval(scope, frame, &item.expr)
}

/// Puts a value where its item says.
#[inline]
pub(crate) fn put_item<'e>(scope: &Scope<'e>, frame: &mut Frame<'e>, target: &Target, new: Value) -> Evaluated<()> {
    if !target.steps.is_empty() {
        return put_below(scope, frame, target, new);
    }
    if let Some(slot) = frame.get_mut(usize::from(target.slot)) {
        *slot = Slot::Value(new);
    }
    Ok(())
}

/// Puts a value below the name of its slot.
fn put_below<'e>(scope: &Scope<'e>, frame: &mut Frame<'e>, target: &Target, new: Value) -> Evaluated<()> {
    let at = usize::from(target.slot);
    let large = |large| too_large(large, target.span);
    scope.budget.nest(&new).map_err(|fault| fault_at(fault, target.span))?;
    if target.steps.len() > DEPTH_MAX {
        return Err(fault_at(too_deep(), target.span));
    }
    let Some(steps) = steps_of(scope, frame, &target.steps)? else { return Ok(()) };
    let mut whole = match (frame.get_mut(at).map(std::mem::take), &target.initial) {
        (Some(Slot::Unset) | None, Some(initial)) => initial_value(scope, frame, initial, target)?,
        (Some(slot), _) => value_of(slot).map_err(large)?,
        (None, None) => Value::Null,
    };
    if target.in_payload && matches!(whole, Value::Text(_) | Value::Bytes(_)) {
        whole = payload_to_put_into(&whole, target)?;
    }
    put(&mut whole, &steps, new);
    if let Some(slot) = frame.get_mut(at) {
        *slot = Slot::Value(whole);
    }
    Ok(())
}

fn payload_to_put_into(payload: &Value, target: &Target) -> Evaluated<Value> {
    if let Value::Text(text) = payload
        && let Some(read) = decode(text)
    {
        return Ok(read);
    }
    let message = format!("one can put into `payload` only where it is JSON, found {}", describe(payload));
    Err(error(codes::EVAL_TYPE, target.span, message))
}

/// The steps with their indexes; `None` where an index is no integer, and nothing is put.
fn steps_of<'e>(scope: &Scope<'e>, frame: &Frame<'e>, steps: &[PathStep]) -> Evaluated<Option<Vec<Step>>> {
    let mut plain = Vec::with_capacity(steps.len());
    for step in steps {
        plain.push(match step {
            PathStep::Key(key) => Step::Key(key.clone()),
            PathStep::Place(place) => Step::Index(*place),
            PathStep::Index { index, .. } => {
                let Value::Int(number) = eval(scope, frame, index)? else { return Ok(None) };
                Step::Index(Place::of(number))
            }
        });
    }
    Ok(Some(plain))
}

fn initial_value<'e>(scope: &Scope<'e>, frame: &Frame<'e>, initial: &Base, target: &Target) -> Evaluated<Value> {
    let large = |large| too_large(large, target.span);
    match initial {
        Base::Column(column) => Ok(scope.column(column)),
        Base::Payload => match scope.payload() {
            PayloadView::Node(node) => node.to_value().map_err(large),
            PayloadView::Value(value) => Ok(value.clone()),
            PayloadView::Nothing => Ok(scope.columns.by_name("payload").unwrap_or_default()),
        },
        Base::Slot(slot) => slot_value(frame, *slot).map_err(large),
        Base::SlotThen(_, _) | Base::Alias(_) => Ok(Value::Null),
    }
}

fn slot_value(frame: &Frame<'_>, slot: u16) -> Result<Value, crate::json::NumberTooLarge> {
    frame.get(usize::from(slot)).cloned().map_or(Ok(Value::Null), value_of)
}

fn value_of(slot: Slot<'_>) -> Result<Value, crate::json::NumberTooLarge> {
    match slot {
        Slot::Unset => Ok(Value::Null),
        Slot::Value(value) => Ok(value),
        Slot::Node(node) => node.to_value(),
    }
}

fn span_of(items: &[Item]) -> crate::syntax::span::Span {
    items.first().map_or_else(Default::default, |item| item.target.span)
}
