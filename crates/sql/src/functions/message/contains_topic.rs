//! The function `contains_topic`.

use events::Type;

use super::contains_topic_match::has_topic;
use crate::functions::Function;
use crate::functions::function::{example, int, list, optional, text};

pub(super) const CONTAINS_TOPIC: Function = Function {
    name: "contains_topic",
    doc: "Whether a list of maps such as `{'topic': 'a/b', 'qos': 1}` has that topic, and that QoS where one is given.",
    params: &[list("filters"), text("topic"), optional(int("qos"))],
    returns: Type::Bool,
    examples: &[
        example("contains_topic([{'topic': 'a/b', 'qos': 1}], 'a/b')", "true"),
        example("contains_topic([{'topic': 'a/b', 'qos': 1}], 'a/b', 0)", "false"),
        example("contains_topic([{'topic': 'a/#', 'qos': 1}], 'a/b')", "false"),
    ],
    call: |args| has_topic(args, |filter, topic| filter == topic),
};
