//! The function `payload`.

use std::borrow::Cow;

use events::Type;

use crate::functions::Function;
use crate::functions::function::{column, example, optional, text};
use crate::values::path::{Step, walk};

pub(super) const PAYLOAD: Function = Function {
    name: "payload",
    doc: "The payload of the message, or what a path with dots leads to in it as JSON; NULL where that is nothing.",
    params: &[optional(text("path")), column("payload")],
    returns: Type::Any,
    examples: &[
        example("payload()", r#""{\"t\":21.5}""#),
        example("payload('t')", "21.5"),
        example("payload('gone')", "null"),
        example("payload('t.u')", "null"),
    ],
    call: |args| {
        let payload = args.column(0);
        if !args.has(0) {
            return Ok(payload.clone());
        }
        let steps: Vec<Step> = args.text(0)?.split('.').map(|key| Step::Key(key.into())).collect();
        args.budget.charge(payload.as_text().map_or(0, str::len))?;
        Ok(walk(payload, &steps).map(Cow::into_owned).unwrap_or_default())
    },
};
