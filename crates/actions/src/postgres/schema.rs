//! The table for the rows of a rule, and the action that fills it.

use std::fmt::Write as _;

use bytestring::ByteString;
use events::Type;

use crate::statement::quoted;

/// The statement that creates `table` for rows with these fields, and the options of an action that writes them, as a
/// comment below it. `output_id` is the key, so that an output that is sent again stands there once.
pub fn postgres_schema(table: &str, fields: &[(ByteString, Type)]) -> String {
    let fields: Vec<(&str, &str)> = [("output_id", "text PRIMARY KEY")]
        .into_iter()
        .chain(fields.iter().filter(|(name, _)| *name != KEY).map(|(name, kind)| (&**name, type_of(*kind))))
        .collect();
    let columns: Vec<String> = fields.iter().map(|(name, kind)| format!("    {} {kind}", quoted(name))).collect();
    let values: Vec<String> = fields
        .iter()
        .map(|(name, _)| format!("{} = {}", toml_text(name), toml_text(&format!("${{{name}}}"))))
        .collect();
    let mut out = format!("CREATE TABLE {} (\n{}\n);\n", quoted(table), columns.join(",\n"));
    write!(
        out,
        "\n-- The action that fills it:\n-- [[actions]]\n-- connector = \"my_postgres\"\n-- table = {}\n-- columns = {{ {} }}",
        toml_text(table),
        values.join(", ")
    )
    .expect("writing into a String cannot fail");
    out
}

/// The name of the column that tells outputs apart.
const KEY: &str = "output_id";

/// The type of a column for values of a field.
const fn type_of(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "boolean",
        Type::Int => "bigint",
        Type::Float => "double precision",
        // Whole numbers of any size keep every digit.
        Type::Number => "numeric",
        Type::Timestamp => "timestamptz",
        Type::Bytes => "bytea",
        Type::List | Type::Map => "jsonb",
        // Text takes everything: what is no text stands there as JSON.
        Type::Text | Type::Null | Type::Any => "text",
    }
}

/// A text as TOML has it, on one line.
fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string().replace('\n', "\\n")
}
