//! Texts with placeholders: `devices/${clientid}/${payload.temps[1]:-none}`.
//!
//! `${a.b[1]}` is a path into the row, `${}` or `${.}` the whole row as JSON, `${x:-text}` has a default for NULL, and
//! `${$}` is a plain dollar sign.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use events::{Map, Type, Value};

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;
use crate::values::path::{Place, Step, walk};
use crate::values::text::{bytes_of, text_of};

/// A text with placeholders, read once.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// To be filled in.
    Variable(Variable),
}

/// A placeholder.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    text: String,
    steps: Vec<Step>,
    default: Option<String>,
    span: Range<usize>,
}

/// A placeholder was NULL where a text without it would be wrong, as in a topic or a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`${{{0}}}` is NULL; `${{{0}:-...}}` would give it a default")]
pub struct MissingVariable(pub String);

impl Template {
    /// Reads `text`.
    pub fn compile(text: &str) -> Result<Template, Vec<Diagnostic>> {
        let (mut parts, mut wrong, mut plain) = (Vec::new(), Vec::new(), String::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let start = text.len() - after.len();
            plain.push_str(before);
            let Some((inner, behind)) = after.split_once('}') else {
                let message = "expected `}` after `${`, found the end of the template";
                wrong.push(Diagnostic::error(codes::TEMPLATE_SYNTAX, start - 2..text.len(), message));
                rest = "";
                break;
            };
            rest = behind;
            if inner == "$" {
                plain.push('$');
                continue;
            }
            match Variable::read(inner, start) {
                Ok(variable) => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Variable(variable));
                }
                Err(diagnostic) => wrong.push(*diagnostic),
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        if wrong.is_empty() { Ok(Template { parts }) } else { Err(wrong) }
    }

    /// The template that fills in the whole row: the default of bodies and payloads.
    pub fn whole_row() -> Template {
        Template { parts: vec![Part::Variable(Variable::whole_row())] }
    }

    /// The text for `row`; a placeholder that is NULL and has no default is refused. Names that are not in the row are
    /// looked up in `extra`.
    pub fn render(&self, row: &Map, extra: &Map) -> Result<String, MissingVariable> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(variable) => out.push_str(&text_of(&variable.value_or_missing(row, extra)?)),
            }
        }
        Ok(out)
    }

    /// The text for `row`, where a placeholder that is NULL and has no default is `null`, as bodies of JSON want it.
    ///
    /// Bytes that are not text go through as they are.
    pub fn render_body(&self, row: &Map, extra: &Map) -> Bytes {
        if let [Part::Variable(variable)] = self.parts.as_slice() {
            return body_of(&variable.value(row, extra));
        }
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Variable(variable) => out.extend_from_slice(&body_of(&variable.value(row, extra))),
            }
        }
        out.into()
    }

    /// The pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The placeholders in order.
    pub fn paths(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(variable) => Some(variable),
        })
    }

    /// The placeholder, where the template is nothing but one, as options with a type want it.
    pub fn as_variable(&self) -> Option<&Variable> {
        match self.parts.as_slice() {
            [Part::Variable(variable)] => Some(variable),
            _ => None,
        }
    }

    /// The text, where there is no placeholder.
    pub fn as_constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Placeholders that name nothing the rule yields: neither one of `fields` nor one of `extra`. Nothing where the
    /// fields are known only when the event is there.
    pub fn check(&self, fields: Option<&[(ByteString, Type)]>, extra: &[&str]) -> Vec<Diagnostic> {
        let Some(fields) = fields else { return Vec::new() };
        let known = || fields.iter().map(|(name, _)| &**name).chain(extra.iter().copied());
        self.paths()
            .filter_map(|variable| {
                let root = variable.root()?;
                (!known().any(|name| name == root)).then(|| {
                    let message = format!("`${{{}}}` names nothing that the rule selects", variable.text);
                    Diagnostic::error(codes::UNKNOWN_VARIABLE, variable.span.clone(), message)
                        .with_help_if(did_you_mean(root, known()))
                })
            })
            .collect()
    }
}

impl Variable {
    /// The path as it is written, without the default.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name the path begins with; `None` for the whole row.
    pub fn root(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Key(name)) => Some(name),
            Some(Step::Index(_)) | None => None,
        }
    }

    /// Whether the path is a name and nothing more.
    pub fn is_plain_name(&self) -> bool {
        self.steps.len() == 1
    }

    /// The bytes of the template's text that it stands in.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What it is worth: NULL where nothing is there and there is no default. Parameters of SQL take this.
    pub fn value(&self, row: &Map, extra: &Map) -> Value {
        let Some((Step::Key(root), rest)) = self.steps.split_first() else { return row.clone().into() };
        let found = row.get(root).or_else(|| extra.get(root)).and_then(|value| walk(value, rest)).map(Cow::into_owned);
        match (found, &self.default) {
            (None | Some(Value::Null), Some(default)) => Value::from(default.as_str()),
            (None, None) => Value::Null,
            (Some(value), _) => value,
        }
    }

    fn value_or_missing(&self, row: &Map, extra: &Map) -> Result<Value, MissingVariable> {
        let value = self.value(row, extra);
        if value.is_null() { Err(MissingVariable(self.text.clone())) } else { Ok(value) }
    }

    fn whole_row() -> Variable {
        Variable { text: String::new(), steps: Vec::new(), default: None, span: 0..0 }
    }

    fn read(inner: &str, start: usize) -> Result<Variable, Box<Diagnostic>> {
        let (path, default) = match inner.split_once(":-") {
            Some((path, default)) => (path, Some(default.to_owned())),
            None => (inner, None),
        };
        let span = start - 2..start + inner.len() + 1;
        let trimmed = path.strip_prefix('.').unwrap_or(path);
        if trimmed.is_empty() {
            return Ok(Variable { default, span, ..Variable::whole_row() });
        }
        match read_steps(trimmed) {
            Some(steps) => Ok(Variable { text: trimmed.to_owned(), steps, default, span }),
            None => {
                let message = format!("expected a path such as `a.b[1]` in `${{}}`, found `{path}`");
                Err(Box::new(Diagnostic::error(codes::TEMPLATE_SYNTAX, span, message)))
            }
        }
    }
}

/// `a.b[1].'c d'[-1]` as steps; `None` where it is not that.
fn read_steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        let (key, behind) = read_key(rest)?;
        steps.push(Step::Key(key.into()));
        rest = behind;
        while let Some(inside) = rest.strip_prefix('[') {
            let (number, behind) = inside.split_once(']')?;
            steps.push(Step::Index(Place::of(number.parse::<i64>().ok().filter(|number| *number != 0)?)));
            rest = behind;
        }
        if rest.is_empty() {
            return Some(steps);
        }
        rest = rest.strip_prefix('.')?;
    }
}

fn read_key(rest: &str) -> Option<(&str, &str)> {
    if let Some(quote) = rest.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        return rest.get(1..)?.split_once(quote);
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (key, behind) = rest.split_at(end);
    let well_formed =
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@' | '~'));
    well_formed.then_some((key, behind))
}

fn body_of(value: &Value) -> Bytes {
    if value.is_null() { Bytes::from_static(b"null") } else { bytes_of(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Map {
        let json = r#"{"clientid":"c1","p":"{\"t\":[1,2.5]}","n":null,"m":{"a-b":{"c d":true}},"event_id":"mine"}"#;
        let Value::Map(map) = Value::from_json(&serde_json::from_str(json).unwrap()) else { unreachable!() };
        (*map).clone()
    }

    fn render(text: &str) -> Result<String, MissingVariable> {
        let extra =
            [("event_id".into(), Value::from("E")), ("output_id".into(), Value::from("O"))].into_iter().collect();
        Template::compile(text).unwrap().render(&row(), &extra)
    }

    #[test]
    fn placeholders_are_filled_in() {
        for (text, expected) in [
            ("", ""),
            ("plain $ {x}", "plain $ {x}"),
            ("a/${clientid}/b", "a/c1/b"),
            ("${.clientid}", "c1"),
            ("${p.t[2]}-${p.t[-2]}", "2.5-1"),
            ("${m.a-b.'c d'}", "true"),
            ("${n:-none}${gone:-}", "none"),
            ("${$}{clientid}", "${clientid}"),
            ("${event_id}${output_id}", "mineO"),
            ("${m}", r#"{"a-b":{"c d":true}}"#),
        ] {
            assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(render("${}").unwrap().starts_with(r#"{"clientid":"c1","#));
        assert_eq!(render("x/${n}"), Err(MissingVariable("n".into())));
        assert_eq!(render("x/${m.gone.deeper}"), Err(MissingVariable("m.gone.deeper".into())));
    }

    #[test]
    fn a_body_takes_null_and_bytes_as_they_are() {
        let mut row = row();
        row.insert("b".into(), Value::Bytes(Bytes::from_static(&[0xFF, 0x00])));
        let body = |text: &str| Template::compile(text).unwrap().render_body(&row, &Map::new());
        assert_eq!(&*body(r#"{"n":${n}}"#), br#"{"n":null}"#);
        assert_eq!(&*body("${b}"), [0xFF, 0x00]);
        assert_eq!(&*body("x${b}"), [b'x', 0xFF, 0x00]);
        assert_eq!(Template::whole_row().render_body(&row, &Map::new()), row.to_json());
    }

    #[test]
    fn what_is_no_placeholder_is_refused_where_it_stands() {
        for (text, span) in [("a${ x }", 1..7), ("${x", 0..3), ("${a..b}", 0..7), ("${a[0]}", 0..7), ("${env:X}", 0..8)]
        {
            let diagnostics = Template::compile(text).unwrap_err();
            assert_eq!(diagnostics.iter().map(|d| d.span.clone()).collect::<Vec<_>>(), [span], "{text}");
        }
    }

    #[test]
    fn unknown_variables_are_told_with_what_was_meant() {
        let template = Template::compile("${clientid}/${reson}/${output_id}/${}").unwrap();
        let fields = [("clientid".into(), Type::Text), ("reason".into(), Type::Text)];
        let found = template.check(Some(&fields), &["output_id"]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].help.as_deref(), Some("did you mean `reason`?"));
        assert_eq!(template.check(None, &[]), []);
    }
}
