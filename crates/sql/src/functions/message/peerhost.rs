//! The function `peerhost`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const PEERHOST: Function = Function {
    name: "peerhost",
    doc: "The address of the client, without the port.",
    params: &[column("peerhost")],
    returns: Type::Text,
    examples: &[example("peerhost()", r#""10.1.2.3""#)],
    call: |args| Ok(args.column(0).clone()),
};
