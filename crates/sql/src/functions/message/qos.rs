//! The function `qos`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example};

pub(super) const QOS: Function = Function {
    name: "qos",
    doc: "The QoS of the message.",
    params: &[column("qos")],
    returns: Type::Int,
    examples: &[example("qos()", "1")],
    call: |args| Ok(args.column(0).clone()),
};
