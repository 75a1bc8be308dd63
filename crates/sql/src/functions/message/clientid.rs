//! The function `clientid`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const CLIENTID: Function = Function {
    name: "clientid",
    doc: "The client the event is about; of a message, its publisher.",
    params: &[column("clientid")],
    returns: Type::Text,
    examples: &[example("clientid()", r#""c-7""#)],
    call: |args| Ok(args.column(0).clone()),
};
