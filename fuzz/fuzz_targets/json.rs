//! Any text as JSON, by our reader and by serde_json.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let theirs = serde_json::from_str(text).ok().map(|json| events::Value::from_json(&json));
    sql::fuzzing::json(text, theirs.as_ref());
});
