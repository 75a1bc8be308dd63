//! The function `jq`.

use std::time::Duration;

use bytestring::ByteString;
use events::{Type, Value};

use crate::codes;
use crate::functions::function::{any, example, fails, int, optional, text};
use crate::functions::{Args, Fault, Function};
use crate::jq::{JqCall, JqError};
use crate::json::Document;

pub(super) const JQ: Function = Function {
    name: "jq",
    doc: "The list of all outputs of a jq program over JSON text, or over any other value. It runs in a process of its own, which is ended where it takes too long or too much memory. Off unless `[rules.jq]` in `signalbox.toml` switches it on, whose `timeout_ms` a call may shorten.",
    params: &[text("program"), any("json"), optional(int("timeout in ms"))],
    returns: Type::List,
    examples: &[
        example(r#"jq('.[] | .a', '[{"a":1},{"a":2}]')"#, "[1,2]"),
        example("jq('.k', {'k': 'v'}, 500)", r#"["v"]"#),
        example("jq('empty', 'null')", "[]"),
        fails("jq('.', 'not json')", "`json` must be JSON, found the text 'not json'"),
    ],
    call,
};

fn call(args: &Args<'_>) -> Result<Value, Fault> {
    let program = args.text(0)?;
    let input = match args.value(1) {
        Value::Text(text) => {
            drop(args.read(text)?.map_err(|_| args.out_of_range(1, "JSON"))?);
            text.clone()
        }
        Value::Bytes(_) => return args.wrong_type(1, "JSON"),
        other => {
            let json = other.to_json();
            args.budget.charge(json.len())?;
            json.into()
        }
    };
    let timeout = if args.has(2) { Some(args.count(2)?) } else { None };
    let timeout = timeout.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX)));
    let Some(jq) = args.ctx.jq else {
        return Err(failed(&JqError::Unavailable("it is switched off".to_owned())));
    };
    let outputs = jq.run(&JqCall { program, input: &input, timeout }).map_err(|error| failed(&error))?;
    args.budget.charge(outputs.len().saturating_mul(2))?;
    let no_json = || failed(&JqError::Program("an output has no form in JSON".to_owned()));
    let outputs = Document::read(ByteString::from(outputs)).map_err(|_| no_json())?;
    outputs.root().to_value().map_err(|_| no_json())
}

fn failed(error: &JqError) -> Fault {
    let code = match error {
        JqError::Program(_) | JqError::Unavailable(_) => codes::EVAL_JQ,
        JqError::Time(_) => codes::EVAL_STEPS,
        JqError::Memory(_) => codes::EVAL_MEMORY,
    };
    Fault { code, message: error.to_string(), argument: None }
}
