//! HOCON, as EMQX writes its configuration: JSON with less punctuation.
//!
//! Read are objects with `=`, `:` or nothing before a brace, keys with dots, lists, texts in one or three quotes,
//! words without quotes, numbers, `true`, `false`, `null`, comments, and `+=`. An object that is set twice is merged, as
//! the specification has it. Substitutions (`${...}` outside of quotes) and `include` are refused by name: what they
//! stand for is not in the file.

use serde_json::{Map, Value};

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// Where the text stops being HOCON, and what was expected there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Reads a whole text: an object, with or without its braces.
pub(super) fn read(text: &str) -> Result<Value, Wrong> {
    let mut reader = Reader { text: text.trim_start_matches('\u{FEFF}'), at: 0, depth: 0 };
    reader.skip_blank();
    let value = match reader.peek() {
        Some('[') => reader.value()?,
        Some('{') => {
            reader.bump();
            Value::Object(reader.members(Some('}'))?)
        }
        Some(_) | None => Value::Object(reader.members(None)?),
    };
    reader.skip_blank();
    if reader.peek().is_some() { Err(reader.wrong("the end of the file")) } else { Ok(value) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn wrong(&self, expected: &str) -> Wrong {
        let found = match self.peek() {
            None => "the end of the file".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(character) => format!("`{character}`"),
        };
        self.wrong_because(format!("expected {expected}, found {found}"))
    }

    fn wrong_because(&self, message: String) -> Wrong {
        let before = self.text.get(..self.at).unwrap_or_default();
        Wrong { line: before.matches('\n').count() + 1, message }
    }

    /// Spaces and comments; line breaks too.
    fn skip_blank(&mut self) {
        self.skip_while(char::is_whitespace);
    }

    /// The same, up to the end of the line.
    fn skip_spaces(&mut self) {
        self.skip_while(|character| character.is_whitespace() && character != '\n');
    }

    fn skip_while(&mut self, is_blank: fn(char) -> bool) {
        loop {
            let rest = self.rest();
            let blank: usize = rest.chars().take_while(|character| is_blank(*character)).map(char::len_utf8).sum();
            self.at += blank;
            let rest = self.rest();
            if rest.starts_with('#') || rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if blank == 0 {
                return;
            }
        }
    }

    /// What may stand between members and elements: commas and line breaks.
    fn skip_separators(&mut self) {
        self.skip_blank();
        if self.take(",") {
            self.skip_blank();
        }
    }

    /// Members up to `close`, which is taken; up to the end of the text where there is none.
    fn members(&mut self, close: Option<char>) -> Result<Map<String, Value>, Wrong> {
        self.enter(1)?;
        let mut members = Map::new();
        loop {
            self.skip_separators();
            match (self.peek(), close) {
                (None, None) => break,
                (Some(found), Some(close)) if found == close => {
                    self.bump();
                    break;
                }
                (None, Some(close)) => return Err(self.wrong(&format!("`{close}`"))),
                (Some(_), Some(_) | None) => self.member(&mut members)?,
            }
        }
        self.depth -= 1;
        Ok(members)
    }

    fn member(&mut self, members: &mut Map<String, Value>) -> Result<(), Wrong> {
        let path = self.key()?;
        if path == ["include"] {
            return Err(self.wrong_because("`include` names another file; put the two together".to_owned()));
        }
        self.skip_spaces();
        let appends = self.take("+=");
        if !appends && !self.take("=") && !self.take(":") && self.peek() != Some('{') {
            return Err(self.wrong("`=`, `:` or `{` after a key"));
        }
        self.skip_blank();
        // A dot nests as a brace does.
        let dots = path.len().saturating_sub(1);
        self.enter(dots)?;
        let value = self.value()?;
        self.depth -= dots;
        put(members, &path, value, appends);
        Ok(())
    }

    /// `a.b."c d"` as its parts.
    fn key(&mut self) -> Result<Vec<String>, Wrong> {
        let mut path = Vec::new();
        loop {
            path.push(if self.take("\"") {
                self.quoted()?
            } else {
                let word = self
                    .word(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '$' | '@' | '/'));
                if word.is_empty() {
                    return Err(self.wrong("a key"));
                }
                word.to_owned()
            });
            if !self.take(".") {
                return Ok(path);
            }
        }
    }

    fn value(&mut self) -> Result<Value, Wrong> {
        match self.peek() {
            Some('{') => {
                self.bump();
                Ok(Value::Object(self.members(Some('}'))?))
            }
            Some('[') => {
                self.bump();
                self.elements()
            }
            Some(_) | None => self.scalar(),
        }
    }

    fn elements(&mut self) -> Result<Value, Wrong> {
        self.enter(1)?;
        let mut elements = Vec::new();
        loop {
            self.skip_separators();
            match self.peek() {
                Some(']') => break self.bump(),
                Some(_) => elements.push(self.value()?),
                None => return Err(self.wrong("`]`")),
            }
        }
        self.depth -= 1;
        Ok(Value::Array(elements))
    }

    /// A text, or words up to the end of the line, which are a number, a boolean or a text themselves.
    fn scalar(&mut self) -> Result<Value, Wrong> {
        let mut text = String::new();
        let mut is_plain = true;
        loop {
            if self.take("\"\"\"") {
                is_plain = false;
                text.push_str(&self.raw()?);
            } else if self.take("\"") {
                is_plain = false;
                text.push_str(&self.quoted()?);
            } else if self.rest().starts_with("${") {
                let message = "`${` stands for a value that is not in the file; write the value itself";
                return Err(self.wrong_because(message.to_owned()));
            } else {
                let word = self.word(|character| !character.is_whitespace() && !"\"$,{}[]#".contains(character));
                if word.is_empty() {
                    break;
                }
                text.push_str(word);
            }
            // Values that stand beside each other in a line are one text, with the spaces between them.
            let before = self.at;
            let spaces = self.word(|character| character.is_whitespace() && character != '\n').to_owned();
            let ends = self.peek().is_none_or(|next| "\n,{}[]#".contains(next)) || self.rest().starts_with("//");
            if ends {
                self.at = before;
                break;
            }
            text.push_str(&spaces);
        }
        if is_plain && text.is_empty() {
            return Err(self.wrong("a value"));
        }
        Ok(if is_plain { plain(&text) } else { Value::String(text) })
    }

    /// What follows a quote, up to the next one.
    fn quoted(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        loop {
            match self.peek() {
                Some('"') => break,
                Some('\\') => {
                    self.bump();
                    self.bump();
                }
                Some('\n') | None => return Err(self.wrong("`\"`")),
                Some(_) => self.bump(),
            }
        }
        let json = format!("\"{}\"", self.text.get(start..self.at).unwrap_or_default());
        let text = serde_json::from_str(&json)
            .map_err(|cause| self.wrong_because(format!("the text in quotes cannot be read: {cause}")))?;
        self.bump();
        Ok(text)
    }

    /// What follows three quotes, up to the next three; further quotes belong to the text. `~` right behind them and
    /// at the end is how EMQX indents such a text.
    fn raw(&mut self) -> Result<String, Wrong> {
        let rest = self.rest();
        let Some(end) = rest.find("\"\"\"") else {
            return Err(
                self.wrong_because("expected `\"\"\"` at the end of a text, found the end of the file".to_owned())
            );
        };
        let more = rest.get(end + 3..).unwrap_or_default().chars().take_while(|character| *character == '"').count();
        let text = rest.get(..end + more).unwrap_or_default();
        self.at += end + more + 3;
        Ok(unindented(text))
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let mut len = 0;
        for character in rest.chars() {
            let is_comment = rest.get(len..).is_some_and(|rest| rest.starts_with("//"));
            if !belongs(character) || is_comment {
                break;
            }
            len += character.len_utf8();
        }
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    fn enter(&mut self, levels: usize) -> Result<(), Wrong> {
        self.depth += levels;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong_because(format!("expected at most {DEPTH_MAX} objects and lists inside each other")));
        }
        Ok(())
    }
}

/// `"""~ ... ~"""`: the indentation that all lines share is none of the text.
fn unindented(text: &str) -> String {
    let Some(text) = text.strip_prefix("~\n") else { return text.to_owned() };
    let text = text.strip_suffix('~').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let shared = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let cut: Vec<&str> = lines.iter().map(|line| line.get(shared..).unwrap_or_default()).collect();
    cut.join("\n").trim_end().to_owned()
}

fn plain(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text.to_owned()),
        },
    }
}

/// Sets what `path` leads to; objects are merged, everything else is replaced.
fn put(members: &mut Map<String, Value>, path: &[String], value: Value, appends: bool) {
    let Some((key, rest)) = path.split_first() else { return };
    if !rest.is_empty() {
        let inner = members.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new()));
        if !inner.is_object() {
            *inner = Value::Object(Map::new());
        }
        if let Value::Object(inner) = inner {
            put(inner, rest, value, appends);
        }
        return;
    }
    match (members.get_mut(key), value) {
        (Some(Value::Array(list)), value) if appends => list.push(value),
        (_, value) if appends => drop(members.insert(key.clone(), Value::Array(vec![value]))),
        (Some(Value::Object(there)), Value::Object(new)) => {
            for (key, value) in new {
                put(there, &[key], value, false);
            }
        }
        (_, value) => drop(members.insert(key.clone(), value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_emqx_writes_is_read() {
        let text = r#"
            # a comment
            node { name = "emqx@127.0.0.1", cookie = secret }
            rule_engine {
              ignore_sys_message = true   // another
              rules.r1 {
                enable = true
                actions = ["http:hook", {function = republish, args {qos = 1, topic = "a/${x}", payload = "${.}"}}]
                sql = """SELECT payload.x as x FROM "t/#" WHERE payload.x > 1"""
              }
              rules {
                "r-2": { sql = "SELECT *\n FROM \"a\"", description = "", actions: [] }
              }
              jq_function_default_timeout = 10s
            }
            rule_engine.rules.r1.metadata {created_at = 1723000000000}
            list = [1, 2.5
              three]
            list += 4
            path = /etc/emqx, empty = {}
        "#;
        assert_eq!(
            read(text).unwrap(),
            json!({
                "node": { "name": "emqx@127.0.0.1", "cookie": "secret" },
                "rule_engine": {
                    "ignore_sys_message": true,
                    "rules": {
                        "r1": {
                            "enable": true,
                            "actions": [
                                "http:hook",
                                { "function": "republish", "args": { "qos": 1, "topic": "a/${x}", "payload": "${.}" } }
                            ],
                            "sql": "SELECT payload.x as x FROM \"t/#\" WHERE payload.x > 1",
                            "metadata": { "created_at": 1_723_000_000_000_u64 }
                        },
                        "r-2": { "sql": "SELECT *\n FROM \"a\"", "description": "", "actions": [] }
                    },
                    "jq_function_default_timeout": "10s"
                },
                "list": [1, 2.5, "three", 4],
                "path": "/etc/emqx",
                "empty": {}
            })
        );
    }

    #[test]
    fn texts_in_three_quotes_keep_their_lines_and_lose_what_indents_them() {
        let text =
            "a = \"\"\"~\n    SELECT *\n      FROM \"t\"\n  ~\"\"\"\nb = \"\"\"x \"quoted\"\"\"\"\nc = one two # no\n";
        assert_eq!(read(text).unwrap(), json!({ "a": "SELECT *\n  FROM \"t\"", "b": "x \"quoted\"", "c": "one two" }));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, line, message) in [
            ("a = 1\nb = ${x}\n", 2, "`${` stands for a value that is not in the file; write the value itself"),
            ("include \"other.conf\"", 1, "`include` names another file; put the two together"),
            ("a {\n b = 1\n", 3, "expected `}`, found the end of the file"),
            ("a = [1, 2", 1, "expected `]`, found the end of the file"),
            ("a = \"x\n\"", 1, "expected `\"`, found the end of the line"),
            ("a = \"\"\"x", 1, "expected `\"\"\"` at the end of a text, found the end of the file"),
            ("a b", 1, "expected `=`, `:` or `{` after a key, found `b`"),
            ("a =\n", 2, "expected a value, found the end of the file"),
            ("{a = 1} }", 1, "expected the end of the file, found `}`"),
        ] {
            assert_eq!(read(text), Err(Wrong { line, message: message.to_owned() }), "{text}");
        }
        for deep in ["a{", "a.", "a.a{", "a=[{"] {
            let text = format!("{}a = 1", deep.repeat(100_000));
            assert!(read(&text).unwrap_err().message.starts_with("expected at most 64 objects and lists"), "{deep}");
        }
    }
}
