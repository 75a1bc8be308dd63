//! The function `unescape`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, word};

pub(super) const UNESCAPE: Function = Function {
    name: "unescape",
    doc: r"The text with the escapes of C and Erlang replaced: `\n`, `\t`, `\\`, `\x41` and others.",
    params: &[word("text")],
    returns: Type::Text,
    examples: &[
        example(r"unescape('a\tb\x41')", r#""a\tbA""#),
        example("unescape('plain')", r#""plain""#),
        fails(r"unescape('\q')", "`text` must be text with known escapes"),
        fails(r"unescape('\xD800')", "`text` must be text with known escapes"),
        example(r#"unescape('a\')"#, r#""a\\""#),
        example(r#"unescape('\x263A')"#, r#""☺""#),
    ],
    call: |args| {
        let text = args.word(0)?;
        if !text.contains('\\') {
            return Ok(text.into());
        }
        unescaped(&text).map(Value::from).ok_or_else(|| args.out_of_range(0, "text with known escapes"))
    },
};

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        out.push(match rest.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('v') => '\u{b}',
            Some('a') => '\u{7}',
            Some(itself @ ('\'' | '"' | '?' | '\\')) => itself,
            Some('x') => {
                let digits = rest.as_str().chars().take_while(char::is_ascii_hexdigit).count();
                let (code, behind) = rest.as_str().split_at(digits);
                rest = behind.chars();
                char::from_u32(u32::from_str_radix(code, 16).ok()?)?
            }
            Some(_) => return None,
            None => '\\',
        });
    }
    Some(out)
}
