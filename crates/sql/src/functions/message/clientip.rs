//! The function `clientip`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const CLIENTIP: Function = Function {
    name: "clientip",
    doc: "The address of the client, without the port; the same as `peerhost()`.",
    params: &[column("peerhost")],
    returns: Type::Text,
    examples: &[example("clientip()", "null")],
    call: |args| Ok(args.column(0).clone()),
};
