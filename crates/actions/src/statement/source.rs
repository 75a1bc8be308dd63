//! Where the parameters of a statement get their values: the variables of `sql`, or the templates of `columns`.

use engine::template::Variable;
use engine::{ActionSpec, ConfigError, Output, Placeholder, Preview, PreviewPart};
use events::{Type, Value};

use super::{Dialect, Statement};
use crate::template::{Pieces, Text, placeholders, values};

/// What the options of an action say of its statement.
#[derive(Debug)]
pub(crate) struct StatementOptions {
    pub(crate) sql: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) columns: toml::Table,
}

/// A statement and the values of its parameters.
#[derive(Debug)]
pub(crate) struct Source {
    statement: Statement,
    dialect: Dialect,
    parameters: Parameters,
    /// For each parameter, what it is called in messages, and whether it is known to be a time in ms.
    names: Vec<(String, bool)>,
}

#[derive(Debug)]
enum Parameters {
    Variables(Vec<Variable>),
    Columns(Vec<Cell>),
}

/// What goes into a column.
#[derive(Debug)]
enum Cell {
    Constant(Value),
    Text(Text),
}

impl Source {
    /// Reads `sql`, or `table` and `columns`.
    pub(crate) fn new(
        options: StatementOptions,
        dialect: Dialect,
        spec: &ActionSpec<'_>,
    ) -> Result<Source, Vec<ConfigError>> {
        let source = match (options.sql, options.table) {
            (Some(sql), None) if options.columns.is_empty() => of_sql(&sql, dialect, spec),
            (None, Some(table)) => of_columns(&table, &options.columns, dialect, spec),
            (Some(_), _) => {
                let error = ConfigError::at(&["sql"], "expected either `sql` or `table` with `columns`, found both");
                Err(vec![error])
            }
            (None, None) => {
                let error = ConfigError::at(&[], "neither `sql` nor `table` is there");
                Err(vec![error.with_help("write `sql = \"INSERT INTO t (a) VALUES (${clientid})\"`")])
            }
        }?;
        let most = dialect.parameters_max();
        if source.names.len() > most {
            let message = format!("expected at most {most} parameters, found {}", source.names.len());
            return Err(vec![ConfigError::at(&[], message)]);
        }
        Ok(source)
    }

    pub(crate) const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// What each parameter is called in messages.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a parameter is known to be a time in ms.
    pub(crate) fn is_time(&self, parameter: usize) -> bool {
        self.names.get(parameter).is_some_and(|(_, time)| *time)
    }

    /// The values for `output`, one for each parameter; or why there are none.
    pub(crate) fn values(&self, output: &Output) -> Result<Vec<Value>, String> {
        match &self.parameters {
            Parameters::Variables(variables) => Ok(values(variables, output)),
            Parameters::Columns(cells) => {
                let named = cells.iter().zip(self.names());
                named
                    .map(|(cell, name)| match cell {
                        Cell::Constant(value) => Ok(value.clone()),
                        Cell::Text(text) => text.value(output).map_err(|missing| format!("{name}: {missing}")),
                    })
                    .collect()
            }
        }
    }
}

impl Source {
    /// The statement and its parameters. What the server makes of their types is known only to the server.
    pub(crate) fn preview(&self, output: &Output) -> Preview {
        let values = match self.values(output) {
            Ok(values) => values,
            Err(reason) => return Preview { parts: Vec::new(), rejected: Some(reason) },
        };
        let mut parts = vec![PreviewPart::constant("statement", self.statement.text(1, &[], self.dialect))];
        for (at, value) in values.into_iter().enumerate() {
            let (column, placeholders) = match &self.parameters {
                Parameters::Variables(variables) => ("", placeholders(variables.iter().skip(at).take(1), output)),
                Parameters::Columns(cells) => {
                    let column = self.names.get(at).map_or("", |(name, _)| name.as_str());
                    (column, cells.get(at).map(|cell| cell.placeholders(output)).unwrap_or_default())
                }
            };
            let name = format!("${} {column}", at + 1).trim_end().to_owned();
            parts.push(PreviewPart { name, value, placeholders });
        }
        Preview { parts, rejected: None }
    }
}

impl Cell {
    fn placeholders(&self, output: &Output) -> Vec<Placeholder> {
        match self {
            Cell::Constant(_) => Vec::new(),
            Cell::Text(text) => text.placeholders(output),
        }
    }
}

fn of_sql(sql: &str, dialect: Dialect, spec: &ActionSpec<'_>) -> Result<Source, Vec<ConfigError>> {
    let Pieces { around, variables } = Pieces::compile(sql, &["sql"], spec)?;
    let statement = Statement::parse(around, dialect).map_err(|error| {
        let mut wrong = ConfigError::at(&["sql"], format!("`sql`: {}", error.message));
        wrong.within = error.parameter.and_then(|at| variables.get(at)).map(Variable::span);
        wrong.help = error.help.map(str::to_owned);
        vec![wrong]
    })?;
    let names =
        variables.iter().map(|variable| (format!("`${{{}}}`", variable.text()), is_time(variable, spec))).collect();
    Ok(Source { statement, dialect, parameters: Parameters::Variables(variables), names })
}

fn of_columns(
    table: &str,
    columns: &toml::Table,
    dialect: Dialect,
    spec: &ActionSpec<'_>,
) -> Result<Source, Vec<ConfigError>> {
    if columns.is_empty() {
        let error = ConfigError::at(&["table"], "`table` needs `columns`");
        return Err(vec![error.with_help("write `columns = { clientid = \"${clientid}\" }`")]);
    }
    let mut errors = Vec::new();
    let mut cells = Vec::new();
    let mut names = Vec::new();
    for (column, value) in columns {
        match cell(column, value, spec) {
            Ok(cell) => {
                let time = match &cell {
                    Cell::Constant(_) => false,
                    Cell::Text(text) => text.as_variable().is_some_and(|variable| is_time(variable, spec)),
                };
                names.push((format!("column `{column}`"), time));
                cells.push(cell);
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    let statement = insert(table, columns, dialect);
    if let Err(error) = &statement {
        errors.push(error.clone());
    }
    match statement {
        Ok(statement) if errors.is_empty() => {
            Ok(Source { statement, dialect, parameters: Parameters::Columns(cells), names })
        }
        Ok(_) | Err(_) => Err(errors),
    }
}

fn cell(column: &str, value: &toml::Value, spec: &ActionSpec<'_>) -> Result<Cell, Vec<ConfigError>> {
    let path = ["columns", column];
    if let Some(text) = value.as_str() {
        return Ok(Cell::Text(Text::compile(text, &path, spec)?));
    }
    let constant = value
        .as_bool()
        .map(Value::Bool)
        .or_else(|| value.as_integer().map(Value::Int))
        .or_else(|| value.as_float().map(Value::Float));
    constant.map(Cell::Constant).ok_or_else(|| {
        let message =
            format!("column `{column}`: expected a template, a number or a boolean, found {}", value.type_str());
        vec![ConfigError::at(&path, message)]
    })
}

/// The INSERT of `columns`. With a column `output_id`, what is there already is left as it is.
fn insert(table: &str, columns: &toml::Table, dialect: Dialect) -> Result<Statement, ConfigError> {
    let parts: Vec<&str> = table.split('.').collect();
    if parts.len() > 3 || parts.contains(&"") {
        let error = ConfigError::at(&["table"], "`table`: expected `table` or `schema.table`");
        return Err(error.with_help("a name that holds a point needs `sql`"));
    }
    let table: Vec<String> = parts.into_iter().map(|part| dialect.quoted(part)).collect();
    let names: Vec<String> = columns.keys().map(|column| dialect.quoted(column)).collect();
    let mut around = vec![format!("INSERT INTO {} ({}) VALUES (", table.join("."), names.join(", "))];
    around.extend((1..names.len()).map(|_| ", ".to_owned()));
    let conflict = if columns.contains_key("output_id") { once(dialect) } else { "" };
    around.push(format!("){conflict}"));
    Statement::parse(around, dialect)
        .map_err(|error| ConfigError::at(&["table"], format!("`table`: {}", error.message)))
}

/// What leaves a row alone that is there already with the same `output_id`. MySQL cannot be told which key is meant: where
/// a row is there under another `output_id`, the subquery of two rows makes that an error.
const fn once(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres | Dialect::Sqlite => " ON CONFLICT (\"output_id\") DO NOTHING",
        Dialect::Mysql => {
            " ON DUPLICATE KEY UPDATE `output_id` = \
             IF(`output_id` = VALUES(`output_id`), `output_id`, (SELECT 1 UNION SELECT 2))"
        }
    }
}

/// Whether the rule is known to yield a time in ms for the variable.
fn is_time(variable: &Variable, spec: &ActionSpec<'_>) -> bool {
    let fields = spec.output_fields.unwrap_or_default();
    variable.is_plain_name()
        && fields.iter().any(|(name, kind)| variable.root() == Some(&**name) && *kind == Type::Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_output::{output, spec};

    fn source(options: &str) -> Result<Source, Vec<ConfigError>> {
        let options: toml::Table = options.parse().unwrap();
        let text = |name: &str| options.get(name).map(|value| value.as_str().unwrap().to_owned());
        let columns = options.get("columns").map(|value| value.as_table().unwrap().clone()).unwrap_or_default();
        let given = StatementOptions { sql: text("sql"), table: text("table"), columns };
        Source::new(given, Dialect::Postgres, &spec(&options))
    }

    #[test]
    fn columns_become_an_insert() {
        let source = source(
            "table = 'fleet.Odd \"name'\ncolumns = { clientid = '${clientid}', n = 5, output_id = '${output_id}', say = 'it is ${why}' }",
        )
        .unwrap();
        assert_eq!(
            source.statement().text(2, &[], Dialect::Postgres),
            "INSERT INTO \"fleet\".\"Odd \"\"name\" (\"clientid\", \"n\", \"output_id\", \"say\") \
             VALUES ($1, $2, $3, $4),($5, $6, $7, $8) ON CONFLICT (\"output_id\") DO NOTHING"
        );
        let output = output(r#"{"clientid":null,"why":"cold"}"#);
        let id = output.output_id().to_string();
        let expected = vec![Value::Null, Value::Int(5), Value::from(id), Value::from("it is cold")];
        assert_eq!(source.values(&output), Ok(expected));
    }

    #[test]
    fn a_mixed_text_with_null_rejects_the_output() {
        let source = source("table = 't'\ncolumns = { say = 'it is ${why}' }").unwrap();
        let reason = source.values(&output("{}")).unwrap_err();
        assert_eq!(reason, "column `say`: `${why}` is NULL; `${why:-...}` would give it a default");
    }

    #[test]
    fn what_is_wrong_is_said_when_the_action_is_built() {
        for (options, message, within) in [
            ("", "neither `sql` nor `table` is there", None),
            ("sql = 'SELECT 1'\ntable = 't'", "expected either `sql` or `table` with `columns`, found both", None),
            ("table = 't'", "`table` needs `columns`", None),
            ("table = 'a..b'\ncolumns = { a = 1 }", "`table`: expected `table` or `schema.table`", None),
            ("table = 't'\ncolumns = { a = [] }", "column `a`: expected a template, a number or a boolean", None),
            ("sql = \"INSERT INTO t VALUES ('${a}')\"", "`sql`: a variable stands inside quotes", Some(23..27)),
            ("sql = 'INSERT INTO t VALUES (${a'", "expected `}`", Some(22..25)),
            ("sql = 'DROP TABLE t'", "`sql`: expected INSERT", None),
        ] {
            let errors = source(options).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{options}: {errors:?}");
            assert_eq!(errors[0].within, within, "{options}");
        }
    }
}
