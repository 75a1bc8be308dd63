//! The function `join_to_sql_values_string`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, list};
use crate::values::text::text_of;

pub(super) const JOIN_TO_SQL_VALUES_STRING: Function = Function {
    name: "join_to_sql_values_string",
    doc: "The members of a list as literals of SQL with commas between them: texts in single quotes, which are doubled inside.",
    params: &[list("list")],
    returns: Type::Text,
    examples: &[
        example("join_to_sql_values_string([1, 'o''k', true, null])", r#""1, 'o''k', 'true', NULL""#),
        example(
            r#"join_to_sql_values_string([2.5, {'k': 1}, [1, 'x'], 'a\b'])"#,
            r#""2.5, '{\"k\":1}', '[1,\"x\"]', 'a\\b'""#,
        ),
        example("join_to_sql_values_string([])", r#""""#),
    ],
    call: |args| {
        let mut out = String::new();
        for (at, item) in args.list(0)?.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            let literal = literal(item);
            args.budget.charge(literal.len() + 2)?;
            out.push_str(&literal);
        }
        Ok(out.into())
    },
};

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => text_of(value).into_owned(),
        Value::Bool(_) | Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
            format!("'{}'", text_of(value).replace('\'', "''"))
        }
    }
}
