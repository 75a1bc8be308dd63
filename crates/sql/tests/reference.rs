//! The pages under `rules/` that are made from declarations say what those say, and the SQL on the page that is written
//! by hand compiles. `BLESS=1 cargo test -p sql` rewrites the former.

mod wrong_rules;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sql::{Diagnostic, FunctionInfo, Query};

/// Why writing into a String needs no answer.
const TEXT: &str = "writing into a String cannot fail";

#[test]
fn the_functions_reference_is_fresh() {
    check_page("FUNCTIONS.md", &functions());
}

#[test]
fn the_diagnostics_reference_is_fresh() {
    check_page("DIAGNOSTICS.md", &diagnostics());
}

#[test]
fn the_differences_in_the_guide_are_fresh() {
    let guide = std::fs::read_to_string(page("README.md")).unwrap();
    let (before, rest) = guide.split_once("do not edit -->\n").expect("the guide has a mark before the differences");
    let (_, after) = rest.split_once("<!-- end of the differences -->").expect("and one behind them");
    let tables = differences();
    check_page("README.md", &format!("{before}do not edit -->\n{tables}\n<!-- end of the differences -->{after}"));
}

fn differences() -> String {
    let mut page = String::new();
    for section in sql::DIFFERENCES {
        write!(page, "\n### {}\n\n| what | EMQX | here |\n|---|---|---|\n", section.title).expect(TEXT);
        for row in section.rows {
            writeln!(page, "| {} | {} | {} |", row.what, row.emqx, row.here).expect(TEXT);
        }
    }
    page
}

#[test]
fn the_sql_of_the_guide_compiles() {
    let guide = std::fs::read_to_string(page("README.md")).unwrap();
    let blocks: Vec<&str> = guide.split("```sql\n").skip(1).map(|after| after.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 8, "the guide shows the language");
    for block in blocks {
        let text = block.split_once("---*/").map_or(block, |(_, sql)| sql);
        match Query::compile(text) {
            Ok((_, mut warnings)) => {
                // The page shows that a field of one source is NULL in the others.
                warnings.retain(|warning| warning.code != sql::codes::PARTLY_ABSENT);
                assert!(warnings.is_empty(), "{}", sql::render(&warnings, "README.md", text, 0));
            }
            Err(wrong) => panic!("{}", sql::render(&wrong, "README.md", text, 0)),
        }
    }
}

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules").join(name)
}

fn check_page(name: &str, fresh: &str) {
    let path = page(name);
    #[expect(clippy::disallowed_methods, reason = "a test reads how it was called")]
    if std::env::var("BLESS").is_ok() {
        std::fs::write(&path, fresh).expect("a page can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "rules/{name} is stale; run `BLESS=1 cargo test -p sql`");
}

fn functions() -> String {
    let mut page = String::from(
        "# Functions\n\nWhat a rule can call, made from the declarations in `crates/sql/src/functions`; do not edit.\n\n\
         What may be left out stands in brackets. A name is written as it stands here, in lower case. An argument of the \
         wrong type fails the rule where it cannot be refused before; so does NULL where text, a number, a list or a map \
         is wanted. Every example is run by a test; `error:` shows a part of the message. Where an example speaks of a \
         message, it is one to `plant/1` of the client `c-7` with the user name `ops`, and its payload is `{\"t\":21.5}`.\n",
    );
    let functions: Vec<FunctionInfo> = sql::functions().collect();
    let categories: Vec<&[FunctionInfo]> = functions.chunk_by(|a, b| a.category == b.category).collect();
    writeln!(page, "\n{} functions:", functions.len()).expect(TEXT);
    for category in &categories {
        let heading = title(category);
        let anchor = heading.to_lowercase().replace(' ', "-").replace(',', "");
        write!(page, "\n| [{heading}](#{anchor}) | |\n|---|---|\n").expect(TEXT);
        for function in *category {
            let row = format!("| [{0}](#{0}) | {1} |", function.name, in_short(function.doc).replace('|', "\\|"));
            writeln!(page, "{row}").expect(TEXT);
        }
    }
    for category in categories {
        write!(page, "\n## {}\n", title(category)).expect(TEXT);
        for function in category {
            write!(page, "\n### {}\n\n`{}` → {}\n\n", function.name, function.signature, function.returns).expect(TEXT);
            write!(page, "{}\n\n", function.doc).expect(TEXT);
            for (param, words) in &function.words {
                let words: Vec<String> = words.iter().map(|word| format!("`'{word}'`")).collect();
                write!(page, "`{param}` can be {}.\n\n", words.join(", ")).expect(TEXT);
            }
            for (expression, expected) in &function.examples {
                match expected {
                    Ok(json) => writeln!(page, "    {expression} → {json}"),
                    Err(message) => writeln!(page, "    {expression} → error: {message}"),
                }
                .expect(TEXT);
            }
        }
    }
    page
}

/// The first clause of a description. What stands in back quotes is no end of one.
fn in_short(doc: &str) -> &str {
    let mut is_code = false;
    for (at, character) in doc.char_indices() {
        is_code ^= character == '`';
        if !is_code
            && matches!(character, '.' | ';' | ':')
            && doc.get(at + 1..).is_some_and(|rest| rest.starts_with(' '))
        {
            return doc.split_at(at).0;
        }
    }
    doc.trim_end_matches('.')
}

/// What a category is called on the page.
fn title(category: &[FunctionInfo]) -> &'static str {
    match category[0].category {
        "bits" => "Bits and bytes",
        "codec" => "Encoding, hashes, compression",
        "convert" => "Conversion",
        "date" => "Dates and times",
        "kind" => "Tests of types",
        "list" => "Lists",
        "map" => "Maps",
        "math" => "Mathematics",
        "message" => "The message at hand",
        "nulls" => "NULL",
        "state" => "State, randomness, environment",
        "text" => "Text",
        other => panic!("the category `{other}` has no title on the page"),
    }
}

/// A text with everything that is said about it.
type Told = (wrong_rules::Wrong, Vec<Diagnostic>);

fn diagnostics() -> String {
    let mut page = String::from(
        "# Diagnostics\n\nWhat can be wrong in a rule, made from `crates/sql/src/codes.rs` and the texts of \
         `crates/sql/tests/wrong_rules`; do not edit.\n\n\
         E0 is about the text, E1 about names, arguments and types, E2 about topics and events, E3 about templates, E4 \
         about the header of a rule file: these are told when a rule is created. E5 fails a rule when an event comes. \
         With W, the rule runs, but perhaps not as meant; W4 is about several rules together. A code is never given a second meaning.\n",
    );
    let mut codes: Vec<(String, String)> =
        sql::codes::ALL.iter().map(|(code, meaning)| ((*code).to_owned(), (*meaning).to_owned())).collect();
    codes.extend(header_codes());
    codes.sort_by_key(|(code, _)| (code.starts_with('W'), code.clone()));
    let texts: Vec<Told> = wrong_rules::all()
        .map(|wrong| {
            let diagnostics = wrong.diagnostics();
            (wrong, diagnostics)
        })
        .collect();
    for (code, meaning) in codes {
        write!(page, "\n## {code}\n\n{meaning}\n").expect(TEXT);
        if let Some((about, shown)) = example(&code, &texts) {
            write!(page, "\nFor example, {about}:\n\n```text\n{shown}```\n").expect(TEXT);
        }
    }
    page
}

/// The shortest of the texts that lead to a code: what somebody had in mind, and what is shown.
fn example(code: &str, texts: &[Told]) -> Option<(&'static str, String)> {
    let shown = texts.iter().flat_map(|(wrong, diagnostics)| {
        let diagnostics = diagnostics.iter().filter(|diagnostic| diagnostic.code == code);
        diagnostics.map(|diagnostic| (wrong.about, diagnostic.render(wrong.file(), &wrong.text, 0)))
    });
    shown.min_by_key(|(_, shown)| shown.len())
}

/// The codes of headers with their meaning. They belong to the crate `engine`, which this one does not know.
fn header_codes() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src/codes.rs");
    let text = std::fs::read_to_string(path).expect("the codes of headers stand there");
    let mut codes = Vec::new();
    let mut meaning = Vec::new();
    for line in text.lines() {
        if let Some(doc) = line.strip_prefix("/// ") {
            meaning.push(doc);
        } else if let Some((_, code)) = line.split_once("&str = \"") {
            codes.push((code.trim_end_matches("\";").to_owned(), meaning.join(" ")));
            meaning.clear();
        }
    }
    assert!(
        codes
            .iter()
            .all(|(code, meaning)| code.starts_with(['E', 'W']) && code.get(1..2) == Some("4") && !meaning.is_empty()),
        "{codes:?}"
    );
    codes
}
