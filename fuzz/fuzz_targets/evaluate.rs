//! Any rule over any context: a text, a zero byte, JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sql::fuzzing::evaluate(bytes));
