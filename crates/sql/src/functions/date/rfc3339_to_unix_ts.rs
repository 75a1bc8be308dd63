//! The function `rfc3339_to_unix_ts`.

use events::Type;

use super::parts::{UNIT, Unit, read_rfc3339};
use crate::functions::Function;
use crate::functions::function::{example, fails, optional, text};

pub(super) const RFC3339_TO_UNIX_TS: Function = Function {
    name: "rfc3339_to_unix_ts",
    doc: "The time that a text in the form of RFC 3339 tells, in seconds or another unit.",
    params: &[text("text"), optional(UNIT)],
    returns: Type::Int,
    examples: &[
        example("rfc3339_to_unix_ts('2024-02-29T12:00:00Z')", "1709208000"),
        example("rfc3339_to_unix_ts('2024-02-29 13:00:00.250+01:00', 'millisecond')", "1709208000250"),
        example("rfc3339_to_unix_ts('2024-02-29t12:00:00.1234567891z', 'nanosecond')", "1709208000123456789"),
        fails("rfc3339_to_unix_ts('2024-02-29T12:00Z')", "`text` must be a date and time of RFC 3339 with its offset"),
        fails(
            "rfc3339_to_unix_ts('2024-02-30T12:00:00Z')",
            "`text` must be a date and time of RFC 3339 with its offset",
        ),
    ],
    call: |args| {
        let (text, unit) = (args.text(0)?, Unit::of(args, 1)?);
        let time = read_rfc3339(text);
        let time = time.ok_or_else(|| args.out_of_range(0, "a date and time of RFC 3339 with its offset"))?;
        Ok(unit.of_timestamp(time))
    },
};
