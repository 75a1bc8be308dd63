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

    /// Every column in the order of `SELECT *`; the fields of the event and nothing else where the kind is known. There
    /// is room for `more` entries behind them.
    fn all(&self, more: usize) -> Map;

    /// The payload read as JSON, where it is kept for several queries; `None` where every query reads its own.
    fn document(&self) -> Option<&Result<Document, NotJson>> {
        None
    }

    /// The same, where `text` is the payload: not an equal text, but the very same.
    fn document_of(&self, _text: &ByteString) -> Option<&Result<Document, NotJson>> {
        None
    }
}

/// Whether both are the very same bytes in memory.
pub(crate) fn is_same(left: &str, right: &str) -> bool {
    std::ptr::eq(&raw const *left, &raw const *right)
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

    fn all(&self, more: usize) -> Map {
        self.to_map(more)
    }
}

/// An event whose payload is looked at once, however many queries ask for it: whether it is text, and what it is as JSON.
#[derive(Debug)]
pub struct EventColumns<'e> {
    event: &'e Event,
    /// The column `payload`, where events of this kind have it.
    payload_id: Option<FieldId>,
    payload: OnceCell<Value>,
    document: OnceCell<Result<Document, NotJson>>,
}

impl<'e> EventColumns<'e> {
    /// The columns of `event`.
    pub fn new(event: &'e Event) -> EventColumns<'e> {
        let payload_id = PAYLOAD.id(event.kind());
        EventColumns { event, payload_id, payload: OnceCell::new(), document: OnceCell::new() }
    }

    fn payload(&self, id: FieldId) -> &Value {
        self.payload.get_or_init(|| self.event.field(id))
    }
}

impl Columns for EventColumns<'_> {
    fn kind(&self) -> Option<Kind> {
        Some(self.event.kind())
    }

    fn field(&self, id: FieldId) -> Value {
        if self.payload_id == Some(id) { self.payload(id).clone() } else { self.event.field(id) }
    }

    fn by_name(&self, name: &str) -> Option<Value> {
        let (id, _) = self.event.kind().event_type().field(name)?;
        Some(self.field(id))
    }

    fn all(&self, more: usize) -> Map {
        self.event.to_map(more)
    }

    fn document(&self) -> Option<&Result<Document, NotJson>> {
        let id = self.payload_id?;
        Some(self.document.get_or_init(|| Document::of_payload(self.payload(id))))
    }

    fn document_of(&self, text: &ByteString) -> Option<&Result<Document, NotJson>> {
        let payload = self.payload.get().and_then(Value::as_text)?;
        if is_same(payload, text) { self.document() } else { None }
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

    fn all(&self, _more: usize) -> Map {
        self.clone()
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

    fn all(&self, more: usize) -> Map {
        let mut map = self.event.to_map(more);
        for (name, value) in self.replaced.iter() {
            if let Some(field) = map.get_mut(name) {
                *field = value.clone();
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use events::{Body, Payload, Timestamp};

    use super::*;
    use crate::json::READS;
    use crate::{Context, Limits, Query, Rows, Store};

    fn message(payload: &str) -> Event {
        let mut event = Event::sample(Kind::MessagePublish);
        if let Body::MessagePublish(publish) = &mut event.body {
            publish.payload = Payload(Bytes::copy_from_slice(payload.as_bytes()));
        }
        event
    }

    fn eval(sql: &str, columns: &dyn Columns, limits: Limits) -> Rows {
        let store = Store::new();
        let ctx = Context { limits, ..Context::new(Timestamp::SAMPLE, &store) };
        Query::compile(sql).unwrap().0.eval(columns, &ctx).unwrap()
    }

    #[test]
    fn ten_rules_read_a_payload_once() {
        let rules = [
            r#"SELECT payload.a AS a FROM "t" WHERE payload.a > 0"#,
            r#"SELECT payload.l[1] AS a FROM "t""#,
            r#"FOREACH payload.l AS e DO e FROM "t""#,
            r#"SELECT json_decode(payload) AS a FROM "t""#,
            r#"SELECT map_get('a', payload) AS a FROM "t""#,
        ];
        let event = message(r#"{"a":1,"l":[1,2]}"#);
        let (columns, before) = (EventColumns::new(&event), READS.get());
        for rule in rules.iter().chain(&rules) {
            assert_ne!(eval(rule, &columns, Limits::default()), Rows::NoMatch);
        }
        assert_eq!(READS.get() - before, 1);
        for rule in rules {
            eval(rule, &event, Limits::default());
        }
        assert_eq!(READS.get() - before, 1 + rules.len(), "an event without its columns is read by every rule");
    }

    #[test]
    fn what_no_path_leads_to_is_not_built() {
        let event = message(&format!(r#"{{"large":"{}","small":[1,2]}}"#, "x".repeat(100_000)));
        let limits = Limits { result_bytes_max: 100, ..Limits::default() };
        let rows = eval(r#"SELECT payload.small AS a FROM "t" WHERE payload.small[2] = 2"#, &event, limits);
        assert_eq!(rows.into_vec()[0].to_json(), r#"{"a":[1,2]}"#);
    }
}
