//! The function `getenv`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{example, text};

pub(super) const GETENV: Function = Function {
    name: "getenv",
    doc: "The environment variable `EMQXVAR_` with that name; the empty text where it is not set.",
    params: &[text("name")],
    returns: Type::Text,
    examples: &[example("getenv('NOT_THERE')", r#""""#)],
    call: |args| Ok((args.ctx.env)(&format!("EMQXVAR_{}", args.text(0)?)).unwrap_or_default().into()),
};
