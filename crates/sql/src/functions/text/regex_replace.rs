//! The function `regex_replace`.

use events::Type;
use regex::Captures;

use crate::functions::Function;
use crate::functions::function::{example, regex, text, word};

pub(super) const REGEX_REPLACE: Function = Function {
    name: "regex_replace",
    doc: r"The text with another in the place of every match. In the replacement `&` is the match, `\1`, `\g1` and `\g{1}` are its groups, the last where a digit follows; `\&` and `\\` stand for themselves.",
    params: &[word("text"), regex("pattern"), text("replacement")],
    returns: Type::Text,
    examples: &[
        example("regex_replace('a1b22', '[0-9]+', '#')", r#""a#b#""#),
        example(r"regex_replace('x-y', '(x)-(y)', '\2-\1')", r#""y-x""#),
        example("regex_replace('aaa', 'a', '&&')", r#""aaaaaa""#),
        example(r#"regex_replace('abc', 'b', '\&')"#, r#""a&c""#),
        example(r#"regex_replace('abc', '(b)', '[\g1\g{1}0]')"#, r#""a[bb0]c""#),
    ],
    call: |args| {
        let (text, pattern, replacement) = (args.word(0)?, args.regex(1)?, args.text(2)?);
        let mut out = String::new();
        let mut rest_at = 0;
        if replacement.contains(['&', '\\']) {
            for captures in pattern.captures_iter(&text) {
                args.budget.step()?;
                let Some(whole) = captures.get(0) else { continue };
                out.push_str(text.get(rest_at..whole.start()).unwrap_or_default());
                let before = out.len();
                expand(replacement, &captures, &mut out);
                args.budget.charge(out.len() - before)?;
                rest_at = whole.end();
            }
        } else {
            for found in pattern.find_iter(&text) {
                args.budget.step()?;
                out.push_str(text.get(rest_at..found.start()).unwrap_or_default());
                args.budget.charge(replacement.len())?;
                out.push_str(replacement);
                rest_at = found.end();
            }
        }
        if rest_at == 0 && out.is_empty() {
            return Ok(text.into());
        }
        out.push_str(text.get(rest_at..).unwrap_or_default());
        Ok(out.into())
    },
};

/// Appends the replacement with its groups filled in.
fn expand(replacement: &str, captures: &Captures<'_>, out: &mut String) {
    let group = |number: usize| captures.get(number).map_or("", |found| found.as_str());
    let mut rest = replacement;
    while let Some(at) = rest.find(['&', '\\']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        rest = match (characters.next(), characters.next()) {
            (Some('\\'), Some('1'..='9' | 'g')) => {
                let name = special.split_at(1).1;
                match group_number(name.strip_prefix('g').unwrap_or(name)) {
                    Some((number, behind)) => {
                        out.push_str(group(number));
                        behind
                    }
                    None => {
                        out.push('\\');
                        name
                    }
                }
            }
            (Some('\\'), Some(plain)) => {
                out.push(plain);
                characters.as_str()
            }
            (Some('\\'), None) => {
                out.push('\\');
                ""
            }
            (_, _) => {
                out.push_str(group(0));
                special.split_at(1).1
            }
        };
    }
    out.push_str(rest);
}

/// The number of `12...` or `{12}...`, and what stands behind it.
fn group_number(text: &str) -> Option<(usize, &str)> {
    let in_braces = text.strip_prefix('{');
    let text = in_braces.unwrap_or(text);
    let behind = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let number = text.strip_suffix(behind)?.parse().ok()?;
    Some((number, if in_braces.is_some() { behind.strip_prefix('}')? } else { behind }))
}
