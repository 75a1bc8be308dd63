//! Any bytes unpacked.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sql::fuzzing::gunzip(bytes));
