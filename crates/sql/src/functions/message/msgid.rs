//! The function `msgid`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const MSGID: Function = Function {
    name: "msgid",
    doc: "The identifier of the message.",
    params: &[column("id")],
    returns: Type::Text,
    examples: &[example("msgid()", r#""0005F8F7F6EFA3D0""#)],
    call: |args| Ok(args.column(0).clone()),
};
