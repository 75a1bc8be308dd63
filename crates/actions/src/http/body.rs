//! The body of a request: the row, a text with variables, a form, or JSON with variables in it.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use engine::{ActionSpec, ConfigError, Output, Placeholder};
use events::{Map, Value};

use super::HttpActionOptions;
use super::request::percent_encode;
use crate::template::Text;

/// What the body is made of.
#[derive(Debug)]
pub(super) enum Body {
    None,
    /// The row as JSON.
    Row,
    Text(Text),
    /// Fields of `application/x-www-form-urlencoded`.
    Form(Vec<(String, Text)>),
    Json(Json),
}

/// JSON with variables in it.
#[derive(Debug)]
pub(super) enum Json {
    Constant(Value),
    /// A text that is nothing but one variable becomes its value, with its type.
    Text(Text),
    List(Vec<Json>),
    Map(Vec<(ByteString, Json)>),
}

impl Body {
    /// Reads `body`, `form` and `json`, of which there may be one.
    pub(super) fn new(options: &HttpActionOptions, spec: &ActionSpec<'_>) -> Result<Body, Vec<ConfigError>> {
        let given: Vec<&str> =
            [("body", options.body.is_some()), ("form", !options.form.is_empty()), ("json", !options.json.is_empty())]
                .into_iter()
                .filter_map(|(name, is_given)| is_given.then_some(name))
                .collect();
        if let [first, second, ..] = &*given {
            let message = format!("expected one of `body`, `form` and `json`, found `{first}` and `{second}`");
            return Err(vec![ConfigError::at(&[second], message)]);
        }
        if let Some(body) = &options.body {
            return Text::compile(body, &["body"], spec).map(Body::Text);
        }
        if !options.form.is_empty() {
            let fields = options.form.iter();
            return fields
                .map(|(name, text)| Ok((name.clone(), Text::compile(text, &["form", name], spec)?)))
                .collect::<Result<_, _>>()
                .map(Body::Form);
        }
        if !options.json.is_empty() {
            return Json::of_table(&options.json, &["json"], spec).map(Body::Json);
        }
        Ok(if options.method.has_body() { Body::Row } else { Body::None })
    }

    /// Its media type, unless a header says another.
    pub(super) const fn content_type(&self) -> Option<&'static str> {
        match self {
            Body::None => None,
            Body::Row | Body::Text(_) | Body::Json(_) => Some("application/json"),
            Body::Form(_) => Some("application/x-www-form-urlencoded"),
        }
    }

    /// The bytes for `output`, or why there are none.
    pub(super) fn render(&self, output: &Output) -> Result<Option<Bytes>, String> {
        Ok(Some(match self {
            Body::None => return Ok(None),
            Body::Row => Bytes::from(output.row.to_json()),
            Body::Text(text) => text.render_body(output),
            Body::Form(fields) => form(fields, output)?.into(),
            Body::Json(json) => json.value(output)?.to_json().into(),
        }))
    }

    /// The variables with what they are worth for `output`.
    pub(super) fn placeholders(&self, output: &Output) -> Vec<Placeholder> {
        match self {
            Body::None | Body::Row => Vec::new(),
            Body::Text(text) => text.placeholders(output),
            Body::Form(fields) => fields.iter().flat_map(|(_, text)| text.placeholders(output)).collect(),
            Body::Json(json) => json.placeholders(output),
        }
    }
}

fn form(fields: &[(String, Text)], output: &Output) -> Result<String, String> {
    let mut out = String::new();
    for (name, text) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        percent_encode(name, &mut out);
        out.push('=');
        let value = text.render(output).map_err(|missing| format!("form field `{name}`: {missing}"))?;
        percent_encode(&value, &mut out);
    }
    Ok(out)
}

impl Json {
    fn of_table(table: &toml::Table, path: &[&str], spec: &ActionSpec<'_>) -> Result<Json, Vec<ConfigError>> {
        let entries = table.iter().map(|(key, value)| {
            let path = [path, &[key]].concat();
            Ok((ByteString::from(key.as_str()), Json::of(value, &path, spec)?))
        });
        entries.collect::<Result<_, _>>().map(Json::Map)
    }

    fn of(value: &toml::Value, path: &[&str], spec: &ActionSpec<'_>) -> Result<Json, Vec<ConfigError>> {
        Ok(match value {
            toml::Value::String(text) => Json::Text(Text::compile(text, path, spec)?),
            toml::Value::Integer(number) => Json::Constant(Value::Int(*number)),
            toml::Value::Float(number) => Json::Constant(Value::Float(*number)),
            toml::Value::Boolean(is) => Json::Constant(Value::Bool(*is)),
            toml::Value::Datetime(time) => Json::Constant(Value::from(time.to_string())),
            toml::Value::Array(items) => {
                Json::List(items.iter().map(|item| Json::of(item, path, spec)).collect::<Result<_, _>>()?)
            }
            toml::Value::Table(table) => Json::of_table(table, path, spec)?,
        })
    }

    fn value(&self, output: &Output) -> Result<Value, String> {
        Ok(match self {
            Json::Constant(value) => value.clone(),
            Json::Text(text) => text.value(output).map_err(|missing| format!("json: {missing}"))?,
            Json::List(items) => {
                Value::List(Arc::new(items.iter().map(|item| item.value(output)).collect::<Result<_, _>>()?))
            }
            Json::Map(entries) => {
                let entries = entries.iter().map(|(key, json)| Ok((key.clone(), json.value(output)?)));
                Value::Map(Arc::new(entries.collect::<Result<Map, String>>()?))
            }
        })
    }

    fn placeholders(&self, output: &Output) -> Vec<Placeholder> {
        match self {
            Json::Constant(_) => Vec::new(),
            Json::Text(text) => text.placeholders(output),
            Json::List(items) => items.iter().flat_map(|item| item.placeholders(output)).collect(),
            Json::Map(entries) => entries.iter().flat_map(|(_, json)| json.placeholders(output)).collect(),
        }
    }
}
