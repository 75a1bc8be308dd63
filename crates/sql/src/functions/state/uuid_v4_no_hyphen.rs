//! The function `uuid_v4_no_hyphen`.

use events::Type;

use super::uuid_v4::uuid_digits;
use crate::functions::Function;
use crate::functions::function::example;

pub(super) const UUID_V4_NO_HYPHEN: Function = Function {
    name: "uuid_v4_no_hyphen",
    doc: "A random UUID (version 4) without hyphens.",
    params: &[],
    returns: Type::Text,
    examples: &[
        example("strlen(uuid_v4_no_hyphen())", "32"),
        example("regex_match(uuid_v4_no_hyphen(), '^[0-9a-f]{32}$')", "true"),
    ],
    call: |args| Ok(uuid_digits(args).into()),
};
