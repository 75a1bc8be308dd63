//! What stands in a file for an output: a line of JSON, of CSV, or of a template.

use std::sync::Arc;

use bytestring::ByteString;
use engine::{ActionSpec, ConfigError, Output, PreviewPart};
use events::Value;

use super::Format;
use crate::template::Text;

/// How outputs become lines.
#[derive(Debug)]
pub(super) enum LineTemplate {
    Ndjson,
    Csv { header: Arc<str>, columns: Vec<Column> },
    Text(Text),
}

/// A column of CSV.
#[derive(Debug)]
pub(super) struct Column {
    name: ByteString,
    /// The path that the name is, where no field of the row is called so; `None` where the rule has that field.
    path: Option<Text>,
}

impl LineTemplate {
    /// Reads the options `format`, `columns` and `line`.
    pub(super) fn new(
        format: Option<Format>,
        columns: &[String],
        line: Option<&str>,
        spec: &ActionSpec<'_>,
    ) -> Result<LineTemplate, Vec<ConfigError>> {
        if !columns.is_empty() && format != Some(Format::Csv) {
            let error = ConfigError::at(&["columns"], "`columns`: only `format = \"csv\"` has columns");
            return Err(vec![error.with_help("write `format = \"csv\"` beside it")]);
        }
        match (format, line) {
            (Some(_), Some(_)) => {
                Err(vec![ConfigError::at(&["line"], "expected either `format` or `line`, found both")])
            }
            (None, Some(line)) => Text::compile(line, &["line"], spec).map(LineTemplate::Text),
            (None | Some(Format::Ndjson), None) => Ok(LineTemplate::Ndjson),
            (Some(Format::Csv), None) => csv(columns, spec),
        }
    }

    /// The first line of every file, where it has one, with its line break.
    pub(super) fn header(&self) -> Option<Arc<str>> {
        match self {
            LineTemplate::Csv { header, .. } => Some(Arc::clone(header)),
            LineTemplate::Ndjson | LineTemplate::Text(_) => None,
        }
    }

    /// The line for `output` with its line break, or why there is none.
    pub(super) fn render(&self, output: &Output) -> Result<String, String> {
        match self {
            LineTemplate::Ndjson => Ok(output.row.to_json() + "\n"),
            LineTemplate::Csv { columns, .. } => Ok(csv_line(columns.iter().map(|column| column.render(output)))),
            LineTemplate::Text(text) => {
                let line = text.render_with(output, push_in_one_line).map_err(|missing| format!("line: {missing}"))?;
                Ok(line + "\n")
            }
        }
    }

    /// The parts of a preview that show `line`.
    pub(super) fn parts(&self, line: &str, output: &Output) -> Vec<PreviewPart> {
        match self {
            LineTemplate::Ndjson => vec![PreviewPart::constant("line", line)],
            LineTemplate::Csv { header, .. } => {
                vec![PreviewPart::constant("header", header.trim_end()), PreviewPart::constant("line", line)]
            }
            LineTemplate::Text(text) => vec![text.part("line", line, output)],
        }
    }
}

impl Column {
    fn render(&self, output: &Output) -> String {
        match (output.row.get(&self.name), &self.path) {
            (Some(Value::Text(text)), _) => text.to_string(),
            (Some(Value::Null), _) | (None, None) => String::new(),
            (Some(value), _) => value.to_json(),
            // NULL is an empty field.
            (None, Some(path)) => path.render(output).unwrap_or_default(),
        }
    }
}

fn csv(columns: &[String], spec: &ActionSpec<'_>) -> Result<LineTemplate, Vec<ConfigError>> {
    let fields = spec.output_fields.unwrap_or_default();
    let mut errors = Vec::new();
    let mut read = Vec::new();
    for name in columns {
        let is_field = fields.iter().any(|(field, _)| *field == name.as_str());
        let path = (!is_field).then(|| column_path(name, spec)).transpose();
        match path {
            Ok(path) => read.push(Column { name: name.as_str().into(), path }),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if columns.is_empty() {
        read.extend(fields.iter().map(|(name, _)| Column { name: name.clone(), path: None }));
    }
    if read.is_empty() && errors.is_empty() {
        let error = ConfigError::at(&[], "`columns` is missing: only an event can tell the fields of this rule");
        errors.push(error.with_help("write `columns = [\"timestamp\", \"clientid\"]`"));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let header = csv_line(read.iter().map(|column| column.name.to_string()));
    Ok(LineTemplate::Csv { header: header.into(), columns: read })
}

fn column_path(name: &str, spec: &ActionSpec<'_>) -> Result<Text, Vec<ConfigError>> {
    let place = |mut error: ConfigError| {
        // What is meant is one of many in a list, so it is named.
        error.within = None;
        error.message = format!("`columns`: {}", error.message);
        error
    };
    let text = Text::compile(&format!("${{{name}}}"), &["columns"], spec);
    text.map_err(|errors| errors.into_iter().map(place).collect())
}

/// A line of CSV (RFC 4180).
fn csv_line(fields: impl Iterator<Item = String>) -> String {
    let mut line = String::new();
    for (at, field) in fields.enumerate() {
        if at > 0 {
            line.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) || field.trim() != field {
            line.push_str(&format!("\"{}\"", field.replace('"', "\"\"")));
        } else {
            line.push_str(&field);
        }
    }
    line.push('\n');
    line
}

fn push_in_one_line(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::{output, spec};

    #[test]
    fn csv_quotes_what_would_be_read_as_something_else() {
        let columns = ["a", "b", "c", "d", "e", "p.t", "gone.x"].map(str::to_owned);
        let options = toml::Table::new();
        let line = LineTemplate::new(Some(Format::Csv), &columns, None, &spec(&options)).unwrap();
        assert_eq!(line.header().as_deref(), Some("a,b,c,d,e,p.t,gone.x\n"));
        let row = r#"{"a":"x,y","b":"say \"hi\"","c":" two\nlines","d":null,"e":[1,"z"],"p":{"t":21.5}}"#;
        let expected = "\"x,y\",\"say \"\"hi\"\"\",\" two\nlines\",,\"[1,\"\"z\"\"]\",21.5,\n";
        assert_eq!(line.render(&output(row)).as_deref(), Ok(expected));
    }

    #[test]
    fn values_of_a_template_stay_in_their_line() {
        let options = toml::Table::new();
        let line = LineTemplate::new(None, &[], Some("${clientid} was ${why}"), &spec(&options)).unwrap();
        let rendered = line.render(&output(r#"{"clientid":"p","why":"cold\r\nfake line"}"#));
        assert_eq!(rendered.as_deref(), Ok("p was cold\\r\\nfake line\n"));
        let missing = line.render(&output(r#"{"clientid":"p"}"#)).unwrap_err();
        assert_eq!(missing, "line: `${why}` is NULL; `${why:-...}` would give it a default");
    }
}
