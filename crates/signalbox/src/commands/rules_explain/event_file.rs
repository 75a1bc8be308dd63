//! Events from a file: JSON objects as `events tail` prints them, or the fields that matter.

use std::path::Path;

use bytes::Bytes;
use bytestring::ByteString;
use events::Map;
use sql::{Document, JsonNode};

use crate::context;
use crate::input;
use crate::outcome::Stop;

/// The most bytes of events that are read.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The events in a file, or on standard input for `-`: one object over as many lines as it likes, a list of them, or
/// one a line.
pub(super) fn read(file: &Path) -> Result<Vec<Map>, Stop> {
    let wrong = |what: String| Stop::bad_input(format_args!("`{}`: {what}", file.display()), None);
    let bytes = input::read(file, BYTES_MAX).map_err(|cause| wrong(format!("the events cannot be read: {cause}")))?;
    let text =
        ByteString::try_from(Bytes::from(bytes)).map_err(|_| wrong("the events are not UTF-8 text".to_owned()))?;
    events_in(&text).map_err(wrong)
}

fn events_in(text: &ByteString) -> Result<Vec<Map>, String> {
    let events = match Document::read(text.clone()) {
        Ok(document) if document.root().is_list() => {
            document.root().elements().map(|event| fields_of(event, "the list")).collect::<Result<_, _>>()?
        }
        Ok(document) => vec![fields_of(document.root(), "the file")?],
        // A file of one line is no file of lines.
        Err(_) if text.trim().lines().count() < 2 => return Err(not_json(text, "the file")),
        Err(_) => {
            let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
            lines.map(|(number, line)| line_of(line, &format!("line {number}"))).collect::<Result<_, _>>()?
        }
    };
    if events.is_empty() { Err("expected an event, found none".to_owned()) } else { Ok(events) }
}

fn line_of(line: &str, place: &str) -> Result<Map, String> {
    let document = Document::read(line.into()).map_err(|_| not_json(line, place))?;
    fields_of(document.root(), place)
}

fn not_json(text: &str, place: &str) -> String {
    format!("{place} is no JSON from byte {} on", Document::not_json_at(text).unwrap_or_default())
}

fn fields_of(event: JsonNode<'_>, place: &str) -> Result<Map, String> {
    let Some(members) = event.members() else {
        return Err(format!("{place}: expected an object with the fields of an event"));
    };
    context::columns(members).map_err(|wrong| format!("{place}: {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_stand_one_a_line_in_a_list_or_alone() {
        for (text, count) in [
            ("{\"a\":1}", 1),
            ("{\n  \"a\": 1\n}\n", 1),
            ("{\"a\":1}\n\n{\"a\":2}\n", 2),
            ("[{\"a\":1},\n{\"a\":2}]", 2),
        ] {
            assert_eq!(events_in(&text.into()).unwrap().len(), count, "{text}");
        }
        for (text, wrong) in [
            ("", "the file is no JSON from byte 0 on"),
            ("{\"a\":1}\n{\"a\" 2}\n", "line 2 is no JSON from byte 5 on"),
            ("5", "the file: expected an object with the fields of an event"),
            ("[]", "expected an event, found none"),
            (r#"{"payload":{"$b64":"?"}}"#, "the file: `payload`: expected base64, found `\"?\"`"),
        ] {
            assert_eq!(events_in(&text.into()).unwrap_err(), wrong);
        }
    }

    #[test]
    fn bytes_and_large_numbers_come_in_whole() {
        let text = r#"{"payload_b64":"/w==","n":123456789012345678901234567890}"#;
        let event = events_in(&text.into()).unwrap().remove(0);
        assert_eq!(event.to_json(), r#"{"payload":{"$b64":"/w=="},"n":123456789012345678901234567890}"#);
    }
}
