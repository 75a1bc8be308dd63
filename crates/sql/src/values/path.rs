//! Paths into values: reading along them and putting at their end.

use std::borrow::Cow;
use std::sync::Arc;

use bytestring::ByteString;
use events::{Map, Value};

use crate::json::decode;

/// A step of a path into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key of a map.
    Key(ByteString),
    /// A place in a list.
    Index(Place),
}

/// A place in a list: from 1, or from the end. 0 is before the first and `-0` after the last, where one can only put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counted from the end.
    pub(crate) from_end: bool,
    /// How far, from 1.
    pub(crate) distance: u64,
}

impl Place {
    /// Beyond the end of every list: putting there makes a list of what is none, and changes nothing of one that is.
    pub(crate) const BEYOND: Place = Place { from_end: false, distance: u64::MAX };

    /// The place that a number stands for.
    pub(crate) const fn of(number: i64) -> Place {
        Place { from_end: number < 0, distance: number.unsigned_abs() }
    }

    /// Where it is in a list of `len` elements.
    pub(crate) fn position(self, len: usize) -> Option<usize> {
        let distance = usize::try_from(self.distance).ok().filter(|distance| (1..=len).contains(distance))?;
        Some(if self.from_end { len - distance } else { distance - 1 })
    }
}

/// What stands at the end of `steps`; `None` where nothing does. A text on the way is read as JSON.
pub(crate) fn walk<'v>(value: &'v Value, steps: &[Step]) -> Option<Cow<'v, Value>> {
    let Some((step, rest)) = steps.split_first() else { return Some(Cow::Borrowed(value)) };
    match (value, step) {
        (Value::Map(map), Step::Key(key)) => walk(map.get(key)?, rest),
        (Value::List(items), Step::Index(place)) => walk(items.get(place.position(items.len())?)?, rest),
        (Value::Text(text), Step::Key(_) | Step::Index(_)) => {
            let inner = decode(text)?;
            walk(&inner, steps).map(|found| Cow::Owned(found.into_owned()))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::BigInt(_)
            | Value::Float(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_),
            Step::Key(_) | Step::Index(_),
        ) => None,
    }
}

/// Puts `new` at the end of `steps` below `value`, which becomes what the path wants: maps for keys, a list for an
/// index. A JSON text on the way is read and kept.
pub(crate) fn put(value: &mut Value, steps: &[Step], new: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *value = new;
        return;
    };
    if let Value::Text(text) = value
        && let Some(inner @ (Value::Map(_) | Value::List(_))) = decode(text)
    {
        *value = inner;
    }
    match step {
        Step::Key(key) => {
            let map = map_in(value);
            match map.get_mut(key) {
                Some(member) => put(member, rest, new),
                None => {
                    let mut member = Value::Null;
                    put(&mut member, rest, new);
                    map.push_new(key.clone(), member);
                }
            }
        }
        Step::Index(place) => put_element(value, *place, rest, new),
    }
}

/// The map that `value` is; a new one where it is none.
fn map_in(value: &mut Value) -> &mut Map {
    if !matches!(value, Value::Map(_)) {
        *value = Map::new().into();
    }
    let Value::Map(map) = value else { unreachable!("made a map two lines earlier") };
    Arc::make_mut(map)
}

fn put_element(value: &mut Value, place: Place, rest: &[Step], new: Value) {
    let made = |new| {
        let mut element = Value::Null;
        put(&mut element, rest, new);
        element
    };
    let Value::List(items) = value else {
        *value = Value::from(vec![made(new)]);
        return;
    };
    let items = Arc::make_mut(items);
    if place.distance == 0 {
        let at = if place.from_end { items.len() } else { 0 };
        items.insert(at, made(new));
    } else if let Some(at) = place.position(items.len())
        && let Some(element) = items.get_mut(at)
    {
        put(element, rest, new);
    }
}
