//! The function `getenv`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, fails, text};

pub(super) const GETENV: Function = Function {
    name: "getenv",
    doc: "The environment variable `EMQXVAR_` with that name; the empty text where it is not set.",
    params: &[text("name")],
    returns: Type::Text,
    examples: &[example("getenv('NOT_THERE')", r#""""#), fails("getenv(5)", "`name` must be text, found the number 5")],
    call: |args| Ok((args.ctx.env)(&format!("EMQXVAR_{}", args.text(0)?)).unwrap_or_default().into()),
};
