//! The function `format_number`.

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, int_in, number, optional, text};
use crate::values::text::half_up;

/// The most decimals one can ask for.
const DECIMALS_MAX: i64 = 100;

pub(super) const FORMAT_NUMBER: Function = Function {
    name: "format_number",
    doc: "The number with that many decimals for people to read: thousands are set apart by `,` or another text, and the point may be another, too. For digits in other bases see `sprintf`.",
    params: &[
        number("number"),
        int_in("decimals", 0, DECIMALS_MAX),
        optional(text("thousands")),
        optional(text("point")),
    ],
    returns: Type::Text,
    examples: &[
        example("format_number(1234567.891, 2)", r#""1,234,567.89""#),
        example("format_number(-1234.5, 0)", r#""-1,235""#),
        example("format_number(1234567.891, 2, '.', ',')", r#""1.234.567,89""#),
        example("format_number(1234, 1, '')", r#""1234.0""#),
        fails("format_number(1, 101)", "`decimals` must be an integer from 0 to 100, found the number 101"),
    ],
    call: |args| {
        let (decimals, thousands, point) = (args.count(1)?, args.text_or(2, ",")?, args.text_or(3, ".")?);
        let digits = match args.value(0) {
            Value::Float(number) => half_up(*number, decimals),
            _ if decimals == 0 => args.big(0)?.to_string(),
            _ => format!("{}.{}", args.big(0)?, "0".repeat(decimals)),
        };
        let (sign, unsigned) = digits.strip_prefix('-').map_or(("", &*digits), |unsigned| ("-", unsigned));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        args.budget.charge(whole.len().saturating_mul(thousands.len() + 1).saturating_add(point.len()))?;
        let mut out = sign.to_owned();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                out.push_str(thousands);
            }
            out.push(digit);
        }
        if decimals > 0 {
            out.extend([point, fraction]);
        }
        Ok(out.into())
    },
};
