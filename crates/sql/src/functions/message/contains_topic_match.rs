//! The function `contains_topic_match`.

use events::{Type, Value};

use crate::functions::function::{example, int, list, optional, text};
use crate::functions::{Args, Fault, Function};

pub(super) const CONTAINS_TOPIC_MATCH: Function = Function {
    name: "contains_topic_match",
    doc: "Whether a list of maps such as `{'topic': 'a/#', 'qos': 1}` has a filter that matches that topic, and that QoS where one is given.",
    params: &[list("filters"), text("topic"), optional(int("qos"))],
    returns: Type::Bool,
    examples: &[
        example("contains_topic_match([{'topic': 'a/#', 'qos': 1}], 'a/b')", "true"),
        example("contains_topic_match([{'topic': 'a/#', 'qos': 1}], 'b')", "false"),
        example("contains_topic_match([{'topic': 'a/#', 'qos': 1}], 'a/b', 2)", "false"),
    ],
    call: |args| has_topic(args, |filter, topic| mqtt::Filter::parse(filter).is_ok_and(|filter| filter.matches(topic))),
};

/// Whether one of the filters, as maps in the first argument, is one for the topic and the QoS.
pub(super) fn has_topic(args: &Args<'_>, matches: fn(&str, &str) -> bool) -> Result<Value, Fault> {
    let topic = args.text(1)?;
    let qos = if args.has(2) { Some(args.int(2)?) } else { None };
    let mut found = false;
    for filter in args.list(0)? {
        args.budget.step()?;
        let Some(filter) = filter.as_map() else { continue };
        let same_qos = qos.is_none_or(|qos| filter.get("qos") == Some(&Value::Int(qos)));
        found |= same_qos && filter.get("topic").and_then(Value::as_text).is_some_and(|text| matches(text, topic));
    }
    Ok(found.into())
}
