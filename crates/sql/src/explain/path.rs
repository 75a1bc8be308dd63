//! Why a path is NULL: at which of its steps there was nothing.

use bytestring::ByteString;
use events::Value;

use super::value_of;
use crate::eval::{self, Frame, PayloadView, Scope, Slot};
use crate::json::{Document, decode};
use crate::plan::{Base, Column, Expr, Foreach, Node, Path, PathStep};
use crate::suggest::nearest;
use crate::values::describe::describe;
use crate::values::path::Place;

/// The most keys that are told of a map.
const KEYS_SHOWN_MAX: usize = 8;

/// Why an expression without operands is NULL; nothing where it simply is.
pub(super) fn why_null<'e>(text: &str, expr: &Expr, scope: &Scope<'e>, frame: &Frame<'e>) -> Option<String> {
    if let Node::Column(column) = &expr.node {
        return why_no_column(column, scope);
    }
    if let Node::Path(path) = &expr.node {
        return why_nothing(text, expr, path, scope, frame);
    }
    None
}

/// Why FOREACH has nothing to go through.
pub(super) fn why_no_elements<'e>(
    text: &str,
    foreach: &Foreach,
    scope: &Scope<'e>,
    frame: &Frame<'e>,
) -> Option<String> {
    let collection = &foreach.fields.last()?.expr;
    if let Some(why) = why_null(text, collection, scope, frame) {
        return Some(why);
    }
    // Evaluated a second time: a path or a column, which changes nothing.
    let value = if let Node::Path(path) = &collection.node {
        value_of(&eval::reach(scope, frame, &path.base, &path.steps).ok()??)
    } else if let Node::Column(column) = &collection.node {
        scope.column(column)
    } else {
        return None;
    };
    Some(if let Value::List(_) = value {
        "the list is empty".to_owned()
    } else {
        format!("expected a list, found {}", describe(&value))
    })
}

fn why_no_column(column: &Column, scope: &Scope<'_>) -> Option<String> {
    let kind = scope.kind?;
    column.id(kind).is_none().then(|| format!("`{}` is no field of `{}`", column.name, kind.event_type().name))
}

fn why_nothing<'e>(text: &str, expr: &Expr, path: &Path, scope: &Scope<'e>, frame: &Frame<'e>) -> Option<String> {
    let mut walked = root_name(text, expr);
    let mut before: Option<Value> = None;
    for len in 0..=path.steps.len() {
        let (steps, _) = path.steps.split_at(len);
        let found = eval::reach(scope, frame, &path.base, steps).ok()?;
        let value = found.as_ref().map(value_of).filter(|value| !value.is_null());
        let Some(value) = value else {
            let Some(step) = steps.last() else { return why_no_base(&path.base, scope) };
            if matches!(found, Some(Slot::Node(_))) {
                return Some(format!("`{walked}{}` is `null` there", shown(step, scope, frame)));
            }
            return before.map(|parent| why_no_step(&walked, &parent, step, scope, frame));
        };
        if let Some(step) = steps.last() {
            walked.push_str(&shown(step, scope, frame));
        }
        before = Some(value);
    }
    None
}

/// The name that the path begins with.
fn root_name(text: &str, expr: &Expr) -> String {
    let written = text.get(expr.span.range()).unwrap_or_default();
    let end = written.find(['.', '[']).unwrap_or(written.len());
    written.split_at(end).0.trim_matches('"').to_owned()
}

/// Why there is nothing where a path begins.
fn why_no_base(base: &Base, scope: &Scope<'_>) -> Option<String> {
    match base {
        Base::Column(column) => why_no_column(column, scope),
        Base::SlotThen(_, then) => why_no_base(then, scope),
        Base::Payload => why_no_payload(scope),
        Base::Slot(_) | Base::Alias(_) => None,
    }
}

fn why_no_payload(scope: &Scope<'_>) -> Option<String> {
    match scope.payload() {
        PayloadView::Node(_) => Some("the payload is `null`".to_owned()),
        PayloadView::Value(_) => why_no_column(&crate::plan::PAYLOAD, scope),
        PayloadView::Nothing => {
            let payload = scope.column(&crate::plan::PAYLOAD);
            let Some(text) = payload.as_text() else { return Some(format!("the payload is {}", describe(&payload))) };
            if text.is_empty() {
                return Some("the payload is empty".to_owned());
            }
            let at = Document::not_json_at(text).unwrap_or_default();
            Some(format!("the payload is no JSON from byte {at} on: {}", describe(&payload)))
        }
    }
}

/// Why `parent`, which stands at `walked`, has nothing at `step`.
fn why_no_step<'e>(walked: &str, parent: &Value, step: &PathStep, scope: &Scope<'e>, frame: &Frame<'e>) -> String {
    if let Value::Text(text) = parent {
        return match decode(text) {
            Some(read) => why_no_step(walked, &read, step, scope, frame),
            None => format!("`{walked}` is {}, which is no JSON", describe(parent)),
        };
    }
    match (parent, step) {
        (Value::Map(map), PathStep::Key(key)) => {
            let keys: Vec<&str> = map.iter().map(|(key, _)| &**key).collect();
            format!("`{walked}` has no key `{key}`{}", other_keys(key, &keys))
        }
        (Value::List(_), PathStep::Key(key)) => {
            format!("`{walked}` is a list; `{walked}[1].{key}` would lead into its first element")
        }
        (Value::List(items), PathStep::Place(_) | PathStep::Index { .. }) => {
            let elements = match items.len() {
                0 => "no elements".to_owned(),
                1 => "1 element".to_owned(),
                len => format!("{len} elements"),
            };
            match place_of(step, scope, frame) {
                Some(place) if place.distance == 0 => format!("there is no `{walked}[0]`: the first element has 1"),
                Some(_) => format!("`{walked}` has {elements}"),
                None => format!("the index of `{walked}` is no integer"),
            }
        }
        (Value::Map(_), PathStep::Place(_) | PathStep::Index { .. }) => {
            format!("`{walked}` is a map, which has keys and no places")
        }
        (other, PathStep::Key(_)) => format!("`{walked}` is {}, which has no keys", describe(other)),
        (other, PathStep::Place(_) | PathStep::Index { .. }) => {
            format!("`{walked}` is {}, which has no elements", describe(other))
        }
    }
}

fn other_keys(wanted: &str, keys: &[&str]) -> String {
    if let Some(near) = nearest(wanted, keys.iter().copied()) {
        return format!("; did you mean `{near}`?");
    }
    if keys.is_empty() {
        return ": it is empty".to_owned();
    }
    let more = if keys.len() > KEYS_SHOWN_MAX { ", ..." } else { "" };
    let first: Vec<&str> = keys.iter().take(KEYS_SHOWN_MAX).copied().collect();
    format!("; there are `{}`{more}", first.join("`, `"))
}

fn place_of<'e>(step: &PathStep, scope: &Scope<'e>, frame: &Frame<'e>) -> Option<Place> {
    match step {
        PathStep::Key(_) => None,
        PathStep::Place(place) => Some(*place),
        PathStep::Index { index, .. } => match eval::eval(scope, frame, index) {
            Ok(Value::Int(number)) => Some(Place::of(number)),
            Ok(_) | Err(_) => None,
        },
    }
}

/// The step as one writes it.
fn shown<'e>(step: &PathStep, scope: &Scope<'e>, frame: &Frame<'e>) -> String {
    let is_plain = |key: &ByteString| key.chars().all(|c| c.is_alphanumeric() || c == '_');
    match step {
        PathStep::Key(key) if is_plain(key) => format!(".{key}"),
        PathStep::Key(key) => format!(".'{key}'"),
        PathStep::Place(_) | PathStep::Index { .. } => match place_of(step, scope, frame) {
            Some(Place { from_end: true, distance }) => format!("[-{distance}]"),
            Some(Place { from_end: false, distance }) => format!("[{distance}]"),
            None => "[?]".to_owned(),
        },
    }
}
