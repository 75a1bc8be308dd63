//! The function `mget`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example, fails, optional, text};

pub(super) const MGET: Function = Function {
    name: "mget",
    doc: "The value of a key of a map or its JSON text, whatever characters the key has; else the default, or NULL.",
    params: &[text("key"), any("map"), optional(any("default"))],
    returns: Type::Any,
    examples: &[
        example("mget('a.b', {'a.b': 1})", "1"),
        example("mget('z', {'a': 1}, 'd')", r#""d""#),
        fails("mget('x', 'text')", "`map` must be JSON, found the text 'text'"),
    ],
    call: |args| {
        let key = args.text(0)?;
        Ok(args.map(1)?.get(key).cloned().unwrap_or_else(|| args.value(2).clone()))
    },
};
