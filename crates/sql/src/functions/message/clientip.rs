//! The function `clientip`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const CLIENTIP: Function = Function {
    name: "clientip",
    doc: "The address of the client, without the port; the same as `peerhost()`.",
    params: &[column("peerhost")],
    returns: Type::Text,
    examples: &[example("clientip()", r#""10.1.2.3""#)],
    call: |args| Ok(args.column(0).clone()),
};
