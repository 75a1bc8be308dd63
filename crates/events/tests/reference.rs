//! `rules/EVENTS.md` is what the declarations say. `BLESS=1 cargo test -p events` rewrites it.

use std::fmt::Write as _;
use std::path::Path;

use events::{
    ConnackReason, DeliveryDropReason, DiscardCause, DisconnectReason, DropReason, Event, EventType, Kind, ReasonRow,
    UnsubscribeCause, Value,
};

/// Why writing into a String needs no answer.
const TEXT: &str = "writing into a String cannot fail";

#[test]
fn the_events_reference_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/EVENTS.md");
    let fresh = reference();
    #[expect(clippy::disallowed_methods, reason = "a test reads how it was called")]
    if std::env::var("BLESS").is_ok() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "rules/EVENTS.md is stale; run `BLESS=1 cargo test -p events`");
}

fn reference() -> String {
    let mut page = String::from(
        "# Events\n\nWhat a rule can select from, made from the declarations in `crates/events`; do not edit.\n\n\
         Times are in ms since 1970-01-01 UTC, intervals in s. A field that may be NULL is marked with `?`.\n",
    );
    for event in EventType::all() {
        let topic = match (event.topic, event.kind) {
            (Some(topic), _) => format!("`{topic}`, also `{}`", event.slash_topic.expect("it has a topic")),
            (None, Kind::SourceMessage) => "`$sources/mqtt:NAME`, one source by its name".to_owned(),
            (None, _) => "any topic filter, such as `plant/#`".to_owned(),
        };
        write!(page, "\n## {}\n\nFROM {topic}\n\n{}\n\n", event.name, event.doc.join("\n").trim()).expect(TEXT);
        page.push_str("| field | type | sample | |\n|---|---|---|---|\n");
        let sample = Event::sample(event.kind);
        for (field, (_, value)) in event.fields.iter().zip(sample.fields()) {
            let optional = if field.optional { "?" } else { "" };
            let shown = if value == Value::Null { String::new() } else { format!("`{}`", value.to_json()) };
            writeln!(page, "| `{}` | {}{optional} | {shown} | {} |", field.name, field.ty, field.doc.join(" "))
                .expect(TEXT);
        }
    }
    reasons(
        &mut page,
        "`reason_code` of client.connack",
        ConnackReason::ALL.iter().map(|reason| {
            let number = |code: Option<u8>| code.map_or(String::new(), |code| format!("0x{code:02X}"));
            (reason.row(), format!("{} | {}", number(reason.v5_code()), number(reason.v3_code())))
        }),
        Some("MQTT 5 | 3.1.1"),
    );
    let plain = |row: ReasonRow| (row, String::new());
    reasons(&mut page, "`reason` of client.disconnected", DisconnectReason::ALL.iter().map(|r| plain(r.row())), None);
    reasons(&mut page, "`reason` of message.dropped", DropReason::ALL.iter().map(|r| plain(r.row())), None);
    let dropped = DeliveryDropReason::ALL.iter().map(|r| plain(r.row()));
    reasons(&mut page, "`reason` of delivery.dropped", dropped, None);
    reasons(&mut page, "`cause` of session.discarded", DiscardCause::ALL.iter().map(|r| plain(r.row())), None);
    reasons(&mut page, "`cause` of session.unsubscribed", UnsubscribeCause::ALL.iter().map(|r| plain(r.row())), None);
    page
}

fn reasons(page: &mut String, title: &str, rows: impl Iterator<Item = (ReasonRow, String)>, codes: Option<&str>) {
    let (head, line) = codes.map_or((String::new(), ""), |codes| (format!(" {codes} |"), "---|---|"));
    write!(page, "\n## {title}\n\n| name |{head} meaning | remedy |\n|---|{line}---|---|\n").expect(TEXT);
    for (row, numbers) in rows {
        let numbers = if numbers.is_empty() { String::new() } else { format!(" {numbers} |") };
        writeln!(page, "| `{}` |{numbers} {} | {} |", row.name, row.meaning, row.remedy).expect(TEXT);
    }
}
