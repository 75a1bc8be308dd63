//! The child process: reads calls from its standard input and answers them on its standard output.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;

use sql::JqProgram;

use super::frame::{BYTES_MAX, READY, read_request, write_answer};
use super::pool::this_binary;
use crate::outcome::Outcome;
use crate::system;

/// Compiled programs that are kept; rules have few, and with one more the child begins anew.
const PROGRAMS_MAX: usize = 64;

/// Answers calls until nobody asks any more.
pub(crate) fn run(memory_bytes: u64) -> Outcome {
    if !system::limit_memory(memory_bytes)? {
        // The allocator must find the limit when it starts, for what it has taken before does not count.
        return Err(this_binary().arg("jq-worker").arg(memory_bytes.to_string()).exec().into());
    }
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    out.write_all(&[READY])?;
    out.flush()?;
    let mut programs = HashMap::new();
    while let Some(request) = read_request(&mut input)? {
        // The parent kills who is late; should it have died, nobody would.
        system::end_after(request.seconds_max);
        let answer = answer(&mut programs, request.program, &request.input);
        write_answer(&mut out, &answer)?;
        system::end_after(0);
    }
    Ok(())
}

fn answer(programs: &mut HashMap<Vec<u8>, JqProgram>, program: Vec<u8>, input: &[u8]) -> Result<String, String> {
    let not_text = |_| "the call is not UTF-8 text".to_owned();
    let input = std::str::from_utf8(input).map_err(not_text)?;
    if let Some(compiled) = programs.get(&program) {
        return compiled.run(input, BYTES_MAX);
    }
    if programs.len() >= PROGRAMS_MAX {
        programs.clear();
    }
    let compiled = JqProgram::compile(std::str::from_utf8(&program).map_err(not_text)?)?;
    programs.entry(program).or_insert(compiled).run(input, BYTES_MAX)
}
