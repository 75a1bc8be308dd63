//! An explanation for programs: one line of JSON, in which values stand as rows have them, whatever their size and depth.

use std::ops::Range;

use bytestring::ByteString;
use engine::{ActionPreview, CheckedRule, Explained, Placeholder, PreviewPart};
use events::{Map, Value};
use sql::{Answer, Element, Entry, Rows, Step, Through};

/// The whole explanation of one event.
pub(super) fn document(rule: &CheckedRule, explained: &Explained) -> String {
    let explanation = &explained.explanation;
    let sql = rule.sql();
    let mut document = object([
        ("rule", rule.id().into()),
        ("file", rule.source().file.display().to_string().into()),
        ("event", explained.event.into()),
        ("of_sample", list(&explained.of_sample, |name| Value::from(*name))),
        ("from", list(&explanation.from, |entry| from_entry(sql, entry))),
        ("where", optional(explanation.filter.as_ref(), |filter| step(sql, filter))),
        ("foreach", optional(explanation.through.as_ref(), |each| through(sql, each))),
    ]);
    match &explanation.outcome {
        Ok(Rows::NoMatch) => set(&mut document, "result", "no_match".into()),
        Ok(Rows::One(row)) => set_rows(&mut document, std::slice::from_ref(row)),
        Ok(Rows::Many(rows)) => set_rows(&mut document, rows),
        Err(error) => {
            set(&mut document, "result", "error".into());
            let told = object([
                ("code", error.code.into()),
                ("message", error.message.as_str().into()),
                ("span", span_of(&error.span)),
            ]);
            set(&mut document, "error", told.into());
        }
    }
    set(&mut document, "why", list(&explanation.why_no_row(sql), |why| Value::from(why.as_str())));
    set(&mut document, "actions", list(&explained.previews, action));
    document.to_json()
}

fn set_rows(document: &mut Map, rows: &[Map]) {
    set(document, "result", "rows".into());
    set(document, "rows", list(rows, |row| row.clone().into()));
}

fn from_entry(sql: &str, entry: &Entry) -> Value {
    let why = optional(entry.mismatch.as_ref(), |why| why.as_str().into());
    let matched = entry.mismatch.is_none();
    let place = [("text", text(sql, &entry.span)), ("span", span_of(&entry.span))];
    object(place.into_iter().chain([("matched", matched.into()), ("why", why)])).into()
}

fn through(sql: &str, through: &Through) -> Value {
    object([
        ("text", text(sql, &through.span)),
        ("note", note(through.note.as_deref())),
        ("elements", list(&through.elements, |one| element(sql, one))),
    ])
    .into()
}

fn element(sql: &str, element: &Element) -> Value {
    object([
        ("value", element.value.clone()),
        ("incase", optional(element.incase.as_ref(), |incase| step(sql, incase))),
        ("row", optional(element.row.as_ref(), |row| row.clone().into())),
    ])
    .into()
}

fn step(sql: &str, tree: &Step) -> Value {
    let mut node = object([
        ("text", text(sql, &tree.span)),
        ("span", span_of(&tree.span)),
        ("decides", tree.decides.into()),
        ("note", note(tree.note.as_deref())),
        ("evaluated", (!matches!(tree.answer, Answer::Skipped)).into()),
    ]);
    match &tree.answer {
        Answer::Value(value) => {
            set(&mut node, "type", value.type_of().to_string().into());
            set(&mut node, "value", value.clone());
        }
        Answer::Failed(error) => set(&mut node, "error", error.message.as_str().into()),
        Answer::Skipped => {}
    }
    set(&mut node, "steps", list(&tree.steps, |inner| step(sql, inner)));
    node.into()
}

fn action(action: &ActionPreview) -> Value {
    object([
        ("action", (&*action.name).into()),
        ("kind", action.kind.into()),
        ("row", integer(action.row_number + 1)),
        ("fallback", action.is_fallback.into()),
        ("rejected", note(action.preview.rejected.as_deref())),
        ("parts", list(&action.preview.parts, part)),
    ])
    .into()
}

fn part(part: &PreviewPart) -> Value {
    object([
        ("name", part.name.as_str().into()),
        ("value", part.value.clone()),
        ("placeholders", list(&part.placeholders, placeholder)),
    ])
    .into()
}

fn placeholder(placeholder: &Placeholder) -> Value {
    object([("placeholder", placeholder.text.as_str().into()), ("value", placeholder.value.clone())]).into()
}

fn object(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Map {
    entries.into_iter().map(|(key, value)| (ByteString::from_static(key), value)).collect()
}

fn set(map: &mut Map, key: &'static str, value: Value) {
    map.insert(ByteString::from_static(key), value);
}

fn list<T>(items: &[T], value: impl FnMut(&T) -> Value) -> Value {
    items.iter().map(value).collect::<Vec<_>>().into()
}

fn optional<T>(item: Option<T>, value: impl FnOnce(T) -> Value) -> Value {
    item.map_or(Value::Null, value)
}

fn note(text: Option<&str>) -> Value {
    optional(text, Value::from)
}

fn text(sql: &str, span: &Range<usize>) -> Value {
    sql.get(span.clone()).unwrap_or_default().into()
}

fn span_of(span: &Range<usize>) -> Value {
    vec![integer(span.start), integer(span.end)].into()
}

fn integer(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
