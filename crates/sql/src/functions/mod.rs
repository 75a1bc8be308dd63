//! The functions. One function is one file in the folder of its category: a constant with documentation, parameters,
//! examples that a test runs, and the code.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a function names the types of values it takes; every other is a wrong argument"
)]

mod args;
mod bits;
mod codec;
mod convert;
mod date;
mod function;
mod kind;
mod list;
mod map;
mod math;
mod message;
mod nulls;
mod state;
mod text;

pub(crate) use args::{Args, Fault, compile_regex};
use function::Category;
pub(crate) use function::{Arity, Function, Param, Wants};

/// Every function, by category, in the order of the reference: what is asked for most comes first.
pub(crate) const CATEGORIES: &[Category] = &[
    Category { name: "message", functions: message::ALL },
    Category { name: "text", functions: text::ALL },
    Category { name: "math", functions: math::ALL },
    Category { name: "convert", functions: convert::ALL },
    Category { name: "kind", functions: kind::ALL },
    Category { name: "nulls", functions: nulls::ALL },
    Category { name: "list", functions: list::ALL },
    Category { name: "map", functions: map::ALL },
    Category { name: "date", functions: date::ALL },
    Category { name: "codec", functions: codec::ALL },
    Category { name: "bits", functions: bits::ALL },
    Category { name: "state", functions: state::ALL },
];

/// A function as documentation and editors show it.
#[derive(Clone, Debug)]
pub struct FunctionInfo {
    /// The name in rules.
    pub name: &'static str,
    /// What it has to do with, such as `text`.
    pub category: &'static str,
    /// The name with its parameters; what may be left out stands in brackets.
    pub signature: String,
    /// The parameters that take some words only, with these words.
    pub words: Vec<(&'static str, &'static [&'static str])>,
    /// What it does.
    pub doc: &'static str,
    /// What it gives.
    pub returns: events::Type,
    /// Expressions with their value as JSON, or a part of the message that refuses them.
    pub examples: Vec<(&'static str, Result<&'static str, &'static str>)>,
}

/// Every function of the language, by category.
pub fn functions() -> impl Iterator<Item = FunctionInfo> {
    CATEGORIES.iter().flat_map(|category| {
        category.functions.iter().map(|function| FunctionInfo {
            name: function.name,
            category: category.name,
            signature: function.signature(),
            words: function
                .params
                .iter()
                .filter(|param| !param.wants.words().is_empty())
                .map(|param| (param.name, param.wants.words()))
                .collect(),
            doc: function.doc,
            returns: function.returns,
            examples: function.examples.iter().map(|example| (example.expression, example.expected)).collect(),
        })
    })
}

/// The function of that name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// Every function.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    CATEGORIES.iter().flat_map(|category| category.functions.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use events::{Map, Timestamp, Value};

    use super::*;
    use crate::{Context, Jq, Query, Store};

    /// The context of the examples.
    fn columns() -> Map {
        let json = r#"{"event":"message.publish","topic":"plant/1","clientid":"c-7","username":"ops","qos":1,
            "id":"0005F8F7F6EFA3D0","peerhost":"10.1.2.3","flags":{"retain":true,"dup":false},
            "payload":"{\"t\":21.5}"}"#;
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json)
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str().into(), Value::from_json(value)))
            .collect()
    }

    fn outcome(expression: &str) -> Result<String, String> {
        let text = format!("SELECT {expression} AS value FROM \"t\"");
        let messages =
            |diagnostics: Vec<crate::Diagnostic>| diagnostics.into_iter().map(|d| d.message).collect::<String>();
        let (query, _) = Query::compile_open(&text).map_err(messages)?;
        let store = Store::new();
        let jq = Jq::unbounded();
        let ctx = Context { jq: Some(&jq), ..Context::new(Timestamp::SAMPLE, &store) };
        let rows = query.eval(&columns(), &ctx).map_err(|error| error.message)?;
        Ok(rows.into_vec()[0].get("value").unwrap().to_json())
    }

    #[test]
    fn every_example_is_as_it_says() {
        let mut wrong = String::new();
        for function in all() {
            assert!(!function.examples.is_empty(), "`{}` has no example", function.name);
            assert!(function.doc.ends_with('.'), "`{}` has no sentence", function.name);
            for example in function.examples {
                let found = outcome(example.expression);
                let right = match (&found, example.expected) {
                    (Ok(found), Ok(expected)) => found == expected,
                    (Err(found), Err(expected)) => found.contains(expected),
                    (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
                };
                if !right {
                    wrong.push_str(&format!(
                        "{}\n  expected {:?}\n  found    {found:?}\n",
                        example.expression, example.expected
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }

    /// How many arguments the calls of `name` in an expression have.
    fn argument_counts(expression: &str, name: &str) -> Vec<usize> {
        let call = format!("{name}(");
        let (mut counts, mut rest) = (Vec::new(), expression);
        while let Some((before, arguments)) = rest.split_once(&call) {
            if !before.ends_with(|last: char| last == '_' || last.is_alphanumeric()) {
                counts.push(argument_count(arguments));
            }
            rest = arguments;
        }
        counts
    }

    /// How many arguments stand before the parenthesis that closes the call.
    fn argument_count(arguments: &str) -> usize {
        let (mut depth, mut in_text, mut commas, mut is_empty) = (0, false, 0, true);
        for character in arguments.chars() {
            match character {
                ')' | ']' | '}' if !in_text && depth == 0 => break,
                ')' | ']' | '}' if !in_text => depth -= 1,
                '(' | '[' | '{' if !in_text => depth += 1,
                ',' if !in_text && depth == 0 => commas += 1,
                '\'' => in_text = !in_text,
                _ => {}
            }
            is_empty = false;
        }
        if is_empty { 0 } else { commas + 1 }
    }

    #[test]
    fn every_number_of_arguments_is_shown() {
        let mut missing = Vec::new();
        for function in all() {
            let least = function.params.iter().filter(|param| param.arity == Arity::Once).count();
            let optional = function.params.iter().filter(|param| param.arity == Arity::Optional).count();
            let shown: BTreeSet<usize> = function
                .examples
                .iter()
                .flat_map(|example| argument_counts(example.expression, function.name))
                .collect();
            missing.extend(
                (least..=least + optional).filter(|count| !shown.contains(count)).map(|count| (function.name, count)),
            );
        }
        assert_eq!(missing, []);
    }

    #[test]
    fn a_function_is_a_file_and_a_file_is_a_function() {
        /// Files that several functions share.
        const SHARED: &[&str] = &["mod", "bit_string", "directive", "format", "parts", "term", "zone"];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/functions");
        for category in CATEGORIES {
            let files: BTreeSet<String> = std::fs::read_dir(folder.join(category.name))
                .unwrap()
                .map(|entry| {
                    entry.unwrap().path().file_stem().unwrap().to_string_lossy().trim_end_matches('_').to_owned()
                })
                .filter(|stem| category.name == "math" && stem == "mod" || !SHARED.contains(&stem.as_str()))
                .collect();
            let functions: BTreeSet<String> =
                category.functions.iter().map(|function| function.name.to_owned()).collect();
            assert_eq!(files, functions, "in the folder `{}`", category.name);
        }
        let folders =
            std::fs::read_dir(&folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
        assert_eq!(folders, CATEGORIES.len());
    }

    #[test]
    fn parameters_that_may_be_left_out_stand_last() {
        for function in all() {
            let order = |param: &Param| match param.arity {
                Arity::Once => 0,
                Arity::Optional => 1,
                Arity::Rest => 2,
                Arity::Column => 3,
            };
            assert!(function.params.is_sorted_by_key(order), "{}", function.signature());
        }
    }
}
