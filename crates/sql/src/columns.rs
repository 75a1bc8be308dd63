//! What a query reads: the columns of an event, or of any other context.

use std::cell::OnceCell;

use bytestring::ByteString;
use events::{Event, FieldId, Kind, Map, Value};

use crate::json::Document;
use crate::plan::PAYLOAD;

/// Something that a query can be evaluated over.
///
/// An event answers by slot; a context of JSON by name. [`Columns::kind`] tells which.
pub trait Columns {
    /// The kind of the event; `None` where the columns are known only by name.
    fn kind(&self) -> Option<Kind>;

    /// The field of an event of this kind. Asked only where [`Columns::kind`] is known.
    fn field(&self, id: FieldId) -> Value;

    /// The column of that name.
    fn by_name(&self, name: &str) -> Option<Value>;

    /// Every column in the order of `SELECT *`; the fields of the event and nothing else where the kind is known.
    fn for_each(&self, visit: &mut dyn FnMut(ByteString, Value));

    /// The payload read as JSON, where it is kept for several queries; `None` where every query reads its own.
    fn document(&self) -> Option<&Result<Document, NotJson>> {
        None
    }
}

/// The payload is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson;

impl Columns for Event {
    fn kind(&self) -> Option<Kind> {
        Some(Event::kind(self))
    }

    fn field(&self, id: FieldId) -> Value {
        Event::field(self, id)
    }

    fn by_name(&self, name: &str) -> Option<Value> {
        let (id, _) = Event::kind(self).event_type().field(name)?;
        Some(Event::field(self, id))
    }

    fn for_each(&self, visit: &mut dyn FnMut(ByteString, Value)) {
        for (name, value) in self.fields() {
            visit(ByteString::from_static(name), value);
        }
    }
}

/// An event whose payload is read as JSON at most once, however many queries ask for it.
#[derive(Debug)]
pub struct EventColumns<'e> {
    event: &'e Event,
    document: OnceCell<Option<Result<Document, NotJson>>>,
}

impl<'e> EventColumns<'e> {
    /// The columns of `event`.
    pub const fn new(event: &'e Event) -> EventColumns<'e> {
        EventColumns { event, document: OnceCell::new() }
    }
}

impl Columns for EventColumns<'_> {
    fn kind(&self) -> Option<Kind> {
        Some(self.event.kind())
    }

    fn field(&self, id: FieldId) -> Value {
        self.event.field(id)
    }

    fn by_name(&self, name: &str) -> Option<Value> {
        self.event.by_name(name)
    }

    fn for_each(&self, visit: &mut dyn FnMut(ByteString, Value)) {
        self.event.for_each(visit);
    }

    fn document(&self) -> Option<&Result<Document, NotJson>> {
        let id = PAYLOAD.id(self.event.kind());
        let read = || id.map(|id| Document::of_payload(&self.event.field(id)));
        self.document.get_or_init(read).as_ref()
    }
}

/// A context of JSON: columns known only by their names, as `rules eval` has them.
impl Columns for Map {
    fn kind(&self) -> Option<Kind> {
        None
    }

    fn field(&self, _id: FieldId) -> Value {
        Value::Null
    }

    fn by_name(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }

    fn for_each(&self, visit: &mut dyn FnMut(ByteString, Value)) {
        for (name, value) in self.iter() {
            visit(name.clone(), value.clone());
        }
    }
}

/// An event of a kind with some of its fields replaced, as the tests in a rule file have it.
#[derive(Clone, Debug)]
pub struct Overlay<'e> {
    event: &'e Event,
    replaced: Map,
}

impl<'e> Overlay<'e> {
    /// `event`, with the fields that `replaced` names worth what it says. A name that is no field of the event is a
    /// column of its own, which only `compile_open` can name.
    pub const fn new(event: &'e Event, replaced: Map) -> Overlay<'e> {
        Overlay { event, replaced }
    }
}

impl Columns for Overlay<'_> {
    fn kind(&self) -> Option<Kind> {
        Some(self.event.kind())
    }

    fn field(&self, id: FieldId) -> Value {
        let name = self.event.kind().event_type().fields.get(usize::from(id.0)).map(|field| field.name);
        name.and_then(|name| self.replaced.get(name)).cloned().unwrap_or_else(|| self.event.field(id))
    }

    fn by_name(&self, name: &str) -> Option<Value> {
        self.replaced.get(name).cloned().or_else(|| self.event.by_name(name))
    }

    fn for_each(&self, visit: &mut dyn FnMut(ByteString, Value)) {
        for (name, value) in self.event.fields() {
            visit(ByteString::from_static(name), self.replaced.get(name).cloned().unwrap_or(value));
        }
    }
}
