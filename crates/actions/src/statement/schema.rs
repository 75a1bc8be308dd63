//! The table for the rows of a rule, and the action that fills it.

use std::fmt::Write as _;

use bytestring::ByteString;
use events::Type;

use super::Dialect;

/// The statement that creates `table` for rows with these fields, and the options of an action that writes them, as a
/// comment below it. `output_id` is the key, so that an output that is sent again stands there once.
pub fn table_schema(dialect: Dialect, table: &str, fields: &[(ByteString, Type)]) -> String {
    let fields: Vec<(&str, &str)> = [("output_id", key_type(dialect))]
        .into_iter()
        .chain(fields.iter().filter(|(name, _)| *name != KEY).map(|(name, kind)| (&**name, type_of(dialect, *kind))))
        .collect();
    let columns: Vec<String> =
        fields.iter().map(|(name, kind)| format!("    {} {kind}", dialect.quoted(name))).collect();
    let values: Vec<String> = fields
        .iter()
        .map(|(name, _)| format!("{} = {}", toml_text(name), toml_text(&format!("${{{name}}}"))))
        .collect();
    let mut out = format!("CREATE TABLE {} (\n{}\n);\n", dialect.quoted(table), columns.join(",\n"));
    let kind = dialect.kind();
    write!(
        out,
        "\n-- The action that fills it:\n-- [[actions]]\n-- connector = \"my_{kind}\"\n-- table = {}\n-- columns = {{ {} }}",
        toml_text(table),
        values.join(", ")
    )
    .expect("writing into a String cannot fail");
    out
}

/// The name of the column that tells outputs apart.
const KEY: &str = "output_id";

/// The type of that column: an identifier has 32 digits.
const fn key_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres | Dialect::Sqlite => "text PRIMARY KEY",
        Dialect::Mysql => "char(32) CHARACTER SET ascii PRIMARY KEY",
    }
}

/// The type of a column for values of a field. Text takes everything: what is no text stands there as JSON.
const fn type_of(dialect: Dialect, kind: Type) -> &'static str {
    match dialect {
        Dialect::Postgres => match kind {
            Type::Bool => "boolean",
            Type::Int => "bigint",
            Type::Float => "double precision",
            // Whole numbers of any size keep every digit.
            Type::Number => "numeric",
            Type::Timestamp => "timestamptz",
            Type::Bytes => "bytea",
            Type::List | Type::Map => "jsonb",
            Type::Text | Type::Null | Type::Any => "text",
        },
        Dialect::Mysql => match kind {
            Type::Bool => "boolean",
            Type::Int => "bigint",
            // There is no type for numbers of any size.
            Type::Float | Type::Number => "double",
            Type::Timestamp => "datetime(3)",
            Type::Bytes => "longblob",
            Type::List | Type::Map => "json",
            Type::Text | Type::Null | Type::Any => "longtext",
        },
        Dialect::Sqlite => match kind {
            Type::Bool | Type::Int | Type::Timestamp => "integer",
            Type::Float => "real",
            Type::Number => "numeric",
            // A column of this type converts nothing [sqlite.org/datatype3.html].
            Type::Bytes | Type::Any => "blob",
            Type::List | Type::Map | Type::Text | Type::Null => "text",
        },
    }
}

/// A text as TOML has it, on one line.
fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string().replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_database_gets_columns_of_its_own_types() {
        let kinds =
            [Type::Text, Type::Bool, Type::Int, Type::Number, Type::Timestamp, Type::Bytes, Type::Map, Type::Any];
        let fields: Vec<(ByteString, Type)> =
            ('a'..).zip(kinds).map(|(name, kind)| (name.to_string().into(), kind)).collect();
        for (dialect, table, types) in [
            (
                Dialect::Postgres,
                "\"my \"\"table\"",
                ["text", "boolean", "bigint", "numeric", "timestamptz", "bytea", "jsonb", "text"],
            ),
            (
                Dialect::Mysql,
                "`my \"table`",
                ["longtext", "boolean", "bigint", "double", "datetime(3)", "longblob", "json", "longtext"],
            ),
            (
                Dialect::Sqlite,
                "\"my \"\"table\"",
                ["text", "integer", "integer", "numeric", "integer", "blob", "text", "blob"],
            ),
        ] {
            let schema = table_schema(dialect, "my \"table", &fields);
            let (create, action) = schema.split_once(";\n").unwrap();
            let mut lines = create.lines();
            assert_eq!(lines.next().unwrap(), format!("CREATE TABLE {table} ("));
            assert!(lines.next().unwrap().ends_with(" PRIMARY KEY,"));
            let found: Vec<&str> = lines.filter_map(|line| line.split_whitespace().nth(1)).collect();
            assert_eq!(found.iter().map(|kind| kind.trim_end_matches(',')).collect::<Vec<_>>(), types);
            assert!(action.contains(&format!("connector = \"my_{}\"", dialect.kind())), "{action}");
        }
    }
}
