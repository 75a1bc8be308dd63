//! Any text as tokens.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sql::fuzzing::lexer(text));
