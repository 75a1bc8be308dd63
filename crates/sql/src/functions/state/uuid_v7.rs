//! The function `uuid_v7`.

use events::Type;

use super::uuid_v4::hyphenated;
use crate::functions::Function;
use crate::functions::function::example;

pub(super) const UUID_V7: Function = Function {
    name: "uuid_v7",
    doc: "A UUID that begins with the time (version 7), so that later ones sort behind earlier ones: a good key for databases.",
    params: &[],
    returns: Type::Text,
    examples: &[example("left(uuid_v7(), 15)", r#""017f01da-9de8-7""#), example("strlen(uuid_v7())", "36")],
    call: |args| {
        // [RFC 9562, section 5.7]
        let now_ms = u128::from(args.ctx.now.0.unsigned_abs()) & 0xFFFF_FFFF_FFFF;
        let random = u128::from(args.budget.random()) << 64 | u128::from(args.budget.random());
        let timed = now_ms << 80 | random & !(0xFFFF_FFFF_FFFF << 80);
        let versioned = timed & !(0xF << 76) | 0x7 << 76;
        Ok(hyphenated(&format!("{:032x}", versioned & !(0x3 << 62) | 0x2 << 62)).into())
    },
};
