//! The function `uuid_v4`.

use events::Type;

use crate::functions::function::example;
use crate::functions::{Args, Function};

pub(super) const UUID_V4: Function = Function {
    name: "uuid_v4",
    doc: "A random UUID (version 4).",
    params: &[],
    returns: Type::Text,
    examples: &[
        example("strlen(uuid_v4())", "36"),
        example(
            "regex_match(uuid_v4(), '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$')",
            "true",
        ),
    ],
    call: |args| Ok(hyphenated(&uuid_digits(args)).into()),
};

/// The 32 digits of a UUID in their groups.
pub(super) fn hyphenated(digits: &str) -> String {
    let groups = [digits.get(..8), digits.get(8..12), digits.get(12..16), digits.get(16..20), digits.get(20..)];
    groups.map(Option::unwrap_or_default).join("-")
}

/// The 32 digits of a random UUID [RFC 9562, section 5.4].
pub(super) fn uuid_digits(args: &Args<'_>) -> String {
    let random = u128::from(args.budget.random()) << 64 | u128::from(args.budget.random());
    let versioned = random & !(0xF << 76) | 0x4 << 76;
    format!("{:032x}", versioned & !(0x3 << 62) | 0x2 << 62)
}
