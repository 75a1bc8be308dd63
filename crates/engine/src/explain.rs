//! Why a rule makes the rows of an event that it makes, and what its actions would send: nothing is sent.

use std::ops::Range;
use std::sync::Arc;

use bytestring::ByteString;
use events::{EventId, Map, Timestamp, Value};
use sql::{Columns as _, Context, Explanation, Rows, Store};

use crate::checked::{CheckedAction, CheckedRule};
use crate::given_event::GivenEvent;
use crate::output::Output;
use crate::preview::Preview;

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The name of the event: `client.connack`.
    pub event: &'static str,
    /// Its topic, where it has one.
    pub topic: Option<Value>,
    /// The fields that the rule names, that were not given, and that are those of the sample therefore.
    pub of_sample: Vec<&'static str>,
    /// What the rule made of it, and why.
    pub explanation: Explanation,
    /// The error with its place in the file, where the rule failed.
    pub error: Option<String>,
    /// The names of a row with the bytes of the SQL that make them.
    pub origins: Vec<(ByteString, Range<usize>)>,
    /// What every action would send for every row.
    pub previews: Vec<ActionPreview>,
}

/// What an action would send for a row.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionPreview {
    /// The name of the action.
    pub name: Arc<str>,
    /// Its kind: `republish`, `http`.
    pub kind: &'static str,
    /// Whether it gets only what another action loses.
    pub is_fallback: bool,
    /// Which row it is for, from 0.
    pub row_number: usize,
    /// What would be sent.
    pub preview: Preview,
}

impl Explained {
    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        match &self.explanation.outcome {
            Ok(Rows::One(_)) => 1,
            Ok(Rows::Many(rows)) => rows.len(),
            Ok(Rows::NoMatch) | Err(_) => 0,
        }
    }
}

impl CheckedRule {
    /// Explains what becomes of the event that `fields` tell of; fields that are not given are those of the sample. Or
    /// says everything that is wrong with the fields.
    pub fn explain(&self, fields: &Map, now: Timestamp, store: &Store) -> Result<Explained, Vec<String>> {
        let given = GivenEvent::of_fields(fields, self.query.from())?;
        let columns = given.columns();
        let ctx = Context { jq: self.jq.as_ref(), ..Context::new(now, store) };
        let explanation = self.query.explain(&self.sql, &columns, &ctx);
        let error = explanation.outcome.as_ref().err().map(|error| self.rendered(error.clone()));
        let rows = match &explanation.outcome {
            Ok(rows) => rows.clone().into_vec(),
            Err(_) => Vec::new(),
        };
        let client_id = columns.by_name("clientid");
        let mut previews = Vec::new();
        for (row_number, row) in rows.into_iter().enumerate() {
            let row = Arc::new(row);
            for action in &self.actions {
                let output = Output {
                    row: Arc::clone(&row),
                    event_id: EventId::SAMPLE,
                    rule: Arc::clone(&self.source.id),
                    action: Arc::clone(&action.entry.name),
                    row_number: u32::try_from(row_number).unwrap_or(u32::MAX),
                    client_id: client_id.as_ref().and_then(Value::as_text).map(ByteString::from),
                    trigger: ByteString::from_static(given.event_type().name),
                    hops: 0,
                    created: now,
                };
                previews.push(action.preview(row_number, &output));
            }
        }
        Ok(Explained {
            event: given.event_type().name,
            topic: columns.by_name("topic"),
            of_sample: given.of_sample().filter(|field| self.mentions(field)).collect(),
            explanation,
            error,
            origins: self.query.origins(),
            previews,
        })
    }
}

impl CheckedRule {
    /// Whether a name stands in the SQL, whatever it means there.
    fn mentions(&self, name: &str) -> bool {
        let belongs = |character: char| character.is_alphanumeric() || character == '_';
        self.sql.split(|character| !belongs(character)).any(|word| word == name)
    }
}

impl CheckedAction {
    fn preview(&self, row_number: usize, output: &Output) -> ActionPreview {
        ActionPreview {
            name: Arc::clone(&self.entry.name),
            kind: self.action.kind(),
            is_fallback: self.entry.is_fallback,
            row_number,
            preview: self.action.preview(output),
        }
    }
}
