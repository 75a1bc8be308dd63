//! A compiled program of jq.

use std::fmt;
use std::fmt::Write as _;

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, Error, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::{Num, Val};

/// What a program must not have: the environment holds secrets.
const LEFT_OUT: &str = "env";

/// A compiled program.
pub struct JqProgram {
    filter: Filter<JustLut<Val>>,
}

impl JqProgram {
    /// Compiles `program`, or tells what is wrong with it.
    pub fn compile(program: &str) -> Result<JqProgram, String> {
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let loader = Loader::new(defs);
        let modules = loader.load(&arena, File { code: program, path: () }).map_err(|errors| {
            let first = errors.into_iter().next().map(|(_, error)| error);
            first.map_or_else(String::new, |error| syntax_error(&error))
        })?;
        let functions = functions.filter(|(name, ..)| *name != LEFT_OUT);
        let filter = Compiler::default().with_funs(functions).compile(modules).map_err(|errors| {
            let first = errors.into_iter().flat_map(|(_, undefined)| undefined).next();
            first.map_or_else(String::new, |(name, undefined)| format!("no {} `{name}`", undefined.as_str()))
        })?;
        Ok(JqProgram { filter })
    }

    /// The list of all outputs over `input`, as JSON; or the error that ends the program, or that they take more than
    /// `bytes_max`.
    pub fn run(&self, input: &str, bytes_max: usize) -> Result<String, String> {
        let input = jaq_json::read::parse_single(input.as_bytes()).map_err(|error| format!("the input: {error}"))?;
        let ctx = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut out = String::from("[");
        for (at, output) in self.filter.id.run((ctx, input)).enumerate() {
            let value = output.map_err(|stop| match stop.get_err() {
                Ok(error) => error.to_string(),
                Err(_) => "the program halts".to_owned(),
            })?;
            if at > 0 {
                out.push(',');
            }
            write_json(&value, &mut out)?;
            if out.len() > bytes_max {
                return Err(format!("the outputs take more than {bytes_max} bytes"));
            }
        }
        out.push(']');
        Ok(out)
    }
}

impl fmt::Debug for JqProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JqProgram").finish_non_exhaustive()
    }
}

/// The first thing that is wrong with the text of a program.
fn syntax_error(error: &Error<&str>) -> String {
    let found = |text: &str| match text.chars().next() {
        None => "the end".to_owned(),
        Some(_) => format!("`{}`", text.chars().take(20).collect::<String>()),
    };
    match error {
        Error::Io(modules) => modules.first().map_or_else(String::new, |(_, why)| why.clone()),
        Error::Lex(errors) => errors
            .first()
            .map_or_else(String::new, |(expected, at)| format!("expected {}, found {}", expected.as_str(), found(at))),
        Error::Parse(errors) => errors
            .first()
            .map_or_else(String::new, |(expected, at)| format!("expected {}, found {}", expected.as_str(), found(at))),
    }
}

/// Appends a value. NaN is null, as in jq; values that JSON has not got are an error.
fn write_json(value: &Val, out: &mut String) -> Result<(), String> {
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Val::Num(Num::Float(number)) if number.is_nan() => out.push_str("null"),
        Val::Num(Num::Float(number)) if number.is_infinite() => {
            write!(out, "{:e}", number.clamp(f64::MIN, f64::MAX)).expect("writing into a String cannot fail");
        }
        Val::Num(_) => write!(out, "{value}").expect("writing into a String cannot fail"),
        Val::TStr(bytes) => events::Value::from(&*String::from_utf8_lossy(bytes)).write_json(out),
        Val::BStr(_) => return Err("an output of bytes has no form in JSON".to_owned()),
        Val::Arr(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(item, out)?;
            }
            out.push(']');
        }
        Val::Obj(map) => {
            out.push('{');
            for (at, (key, member)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                let Val::TStr(_) = key else {
                    return Err("an output with a key that is no text has no form in JSON".to_owned());
                };
                write_json(key, out)?;
                out.push(':');
                write_json(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, input: &str) -> Result<String, String> {
        JqProgram::compile(program)?.run(input, 100)
    }

    #[test]
    fn all_outputs_make_the_list() {
        let cases = [
            (".[]", "[1,2.50,\"é\\n\"]", r#"[1,2.50,"é\n"]"#),
            ("empty", "null", "[]"),
            ("keys, length", r#"{"b":1,"a":2}"#, r#"[["a","b"],2]"#),
            ("nan, -infinite", "0", "[null,-1.7976931348623157e308]"),
            (". * 10", "12345678901234567890", "[123456789012345678900]"),
            ("map(select(.v > 1)) | {n: length}", r#"[{"v":1},{"v":2}]"#, r#"[{"n":1}]"#),
            ("limit(2; repeat(1))", "0", "[1,1]"),
            ("try error(\"x\") catch .", "0", r#"["x"]"#),
        ];
        for (program, input, outputs) in cases {
            let found =
                run(program, input).map(|json| serde_json::from_str::<serde_json::Value>(&json).unwrap().to_string());
            let outputs = serde_json::from_str::<serde_json::Value>(outputs).unwrap().to_string();
            assert_eq!(found, Ok(outputs), "{program}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cases = [
            (".a |", "0", "expected term, found the end"),
            ("nosuch(1)", "0", "no filter `nosuch`"),
            ("$x", "0", "no variable `$x`"),
            (".a.b", "[1]", "cannot index"),
            ("error(\"own\")", "0", "own"),
            ("halt", "0", "the program halts"),
            ("[range(100)]", "0", "the outputs take more than 100 bytes"),
            ("env", "0", "no filter `env`"),
            ("input", "0", "no filter `input`"),
            ("include \"a\"; .", "0", ""),
        ];
        for (program, input, message) in cases {
            let found = run(program, input).unwrap_err();
            assert!(found.contains(message), "{program}: {found}");
        }
    }
}
