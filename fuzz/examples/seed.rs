//! Writes the corpus to begin with: the cases of the rule language, as each target wants them.

use std::fs;
use std::io;
use std::path::Path;

const CASES: &str = include_str!("../../crates/sql/tests/data/rule-sql.jsonl");

/// `hello` as gzip and as zlib.
const PACKED: [&[u8]; 2] = [
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00",
    b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15",
];

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let write = |target: &str, at: usize, seed: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{at}")), seed)
    };
    for (at, line) in CASES.lines().enumerate() {
        let case: serde_json::Value = serde_json::from_str(line)?;
        let sql = case["sql"].as_str().unwrap_or_default();
        let context = case["context"].to_string();
        write("lexer", at, sql.as_bytes())?;
        write("parser", at, sql.as_bytes())?;
        write("json", at, context.as_bytes())?;
        write("evaluate", at, &[sql.as_bytes(), &[0], context.as_bytes()].concat())?;
    }
    for (at, seed) in PACKED.iter().enumerate() {
        write("gunzip", at, seed)?;
    }
    for (at, seed) in ["a/${a.b[1]}/${.t:-x}", "${}${n:-}", "${$}{a.b[-1].'c'}", "${a.b[2].c}"].iter().enumerate() {
        write("template", at, seed.as_bytes())?;
    }
    Ok(())
}
