//! The function `base64_encode`.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use events::Type;

use crate::functions::function::{data, example, option, rest};
use crate::functions::{Args, Fault, Function, Param};

pub(super) const BASE64_ENCODE: Function = Function {
    name: "base64_encode",
    doc: "The data in base 64; `'urlsafe'` and `'no_padding'` may be asked for.",
    params: &[data("data"), rest(OPTION)],
    returns: Type::Text,
    examples: &[
        example("base64_encode('plant?>')", r#""cGxhbnQ/Pg==""#),
        example("base64_encode('ab', 'urlsafe', 'no_padding')", r#""YWI""#),
        example("base64_encode('ab', 'no_padding')", r#""YWI""#),
        example("base64_encode('plant?>', 'urlsafe')", r#""cGxhbnQ_Pg==""#),
    ],
    call: |args| {
        let data = args.data(0)?;
        args.budget.charge(data.len() / 3 * 4 + 4)?;
        Ok(engine(args)?.encode(data).into())
    },
};

const URL_SAFE: &str = "urlsafe";
const NO_PADDING: &str = "no_padding";

pub(super) const OPTION: Param = option("option", &[URL_SAFE, NO_PADDING]);

/// The engine that the options ask for; an option that is none is let pass, as ever.
pub(super) fn engine(args: &Args<'_>) -> Result<GeneralPurpose, Fault> {
    let (mut url_safe, mut padded) = (false, true);
    for at in 1..args.len() {
        let option = &**args.text(at)?;
        url_safe |= option == URL_SAFE;
        padded &= option != NO_PADDING;
    }
    let alphabet = if url_safe { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let mode = if padded { DecodePaddingMode::RequireCanonical } else { DecodePaddingMode::Indifferent };
    let config = GeneralPurposeConfig::new().with_encode_padding(padded).with_decode_padding_mode(mode);
    // The bits behind the last whole byte count for nothing.
    let config = config.with_decode_allow_trailing_bits(true);
    Ok(GeneralPurpose::new(alphabet, config))
}
