//! The function `username`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const USERNAME: Function = Function {
    name: "username",
    doc: "The user name of that client.",
    params: &[column("username")],
    returns: Type::Text,
    examples: &[example("username()", r#""ops""#)],
    call: |args| Ok(args.column(0).clone()),
};
