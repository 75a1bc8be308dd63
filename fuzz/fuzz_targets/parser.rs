//! Any text as a rule: parsed, checked, printed, parsed again.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sql::fuzzing::parser(text));
