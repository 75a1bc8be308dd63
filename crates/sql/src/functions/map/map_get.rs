//! The function `map_get`.

use events::{Type, Value};

use crate::functions::function::{any, example, optional, text};
use crate::functions::{Args, Fault, Function};
use crate::json::Node;
use crate::values::path::{Step, walk};

pub(super) const MAP_GET: Function = Function {
    name: "map_get",
    doc: "What a path with dots leads to in a map or its JSON text; else the default, or NULL.",
    params: &[text("path"), any("map"), optional(any("default"))],
    returns: Type::Any,
    examples: &[
        example("map_get('a.b', {'a': {'b': 1}})", "1"),
        example("map_get('gone', {'a': 1}, 'd')", r#""d""#),
        example(r#"map_get('a', '{"a":5}')"#, "5"),
        example("map_get('a', 5)", "null"),
        example("map_get('a.b', {'a.b': 1})", "null"),
    ],
    call: |args| {
        let path = args.text(0)?;
        if let Value::Text(json) = args.value(1) {
            let Ok(document) = args.read(json)? else { return Ok(args.value(2).clone()) };
            return along(args, document.root(), path).map(|found| found.unwrap_or_else(|| args.value(2).clone()));
        }
        let steps: Vec<Step> = path.split('.').map(|key| Step::Key(key.into())).collect();
        Ok(walk(args.value(1), &steps).map_or_else(|| args.value(2).clone(), std::borrow::Cow::into_owned))
    },
};

/// What `path` leads to, without building the rest.
fn along(args: &Args<'_>, root: Node<'_>, path: &str) -> Result<Option<Value>, Fault> {
    let mut at = root;
    for key in path.split('.') {
        match at.member(key) {
            Some(member) => at = member,
            None => return Ok(None),
        }
    }
    args.budget.charge(at.text_len())?;
    let large = |_| Fault::from("a number in the JSON is larger than a number may be".to_owned());
    at.to_value().map(Some).map_err(large)
}
