//! The function `split`.

use bytestring::ByteString;
use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{example, fails, one_of, optional, text, word, words};

pub(super) const SPLIT: Function = Function {
    name: "split",
    doc: "Splits `text` at every `separator`; empty parts are dropped. `option` is `notrim` to keep them, or `leading` or `trailing`, perhaps with `_notrim`, to split once.",
    params: &[word("text"), text("separator"), optional(one_of("option", &words(&OPTIONS)))],
    returns: Type::List,
    examples: &[
        example("split('a/b', '/')", r#"["a","b"]"#),
        example("split('a,,b', ',')", r#"["a","b"]"#),
        example("split('a,,b', ',', 'notrim')", r#"["a","","b"]"#),
        example("split('a,b,c', ',', 'trailing')", r#"["a,b","c"]"#),
        fails("split(5, '/')", "`text` must be text, found the number 5"),
        fails("split('a', ',', 'middle')", "`option` must be `notrim`, `leading`"),
        example("split('', ',')", "[]"),
        example("split('', ',', 'notrim')", r#"[""]"#),
        example("split('a,b,c', ',', 'leading')", r#"["a","b,c"]"#),
        example("split(',b', ',', 'leading_notrim')", r#"["","b"]"#),
        example("split('a,', ',', 'trailing_notrim')", r#"["a",""]"#),
        example("split('abc', '')", r#"["abc"]"#),
    ],
    call: |args| {
        let (text, separator) = (args.word(0)?, args.text(1)?);
        let (places, keeps_empty) = args.one_of_or(2, &OPTIONS, (Places::All, false))?;
        let once = |halves: Option<(&str, &str)>| {
            halves.map_or_else(
                || vec![shared(&text, &text)],
                |(left, right)| vec![shared(&text, left), shared(&text, right)],
            )
        };
        let parts: Vec<ByteString> = if separator.is_empty() {
            vec![text.clone()]
        } else {
            match places {
                Places::First => once(text.split_once(&**separator)),
                Places::Last => once(text.rsplit_once(&**separator)),
                Places::All => {
                    let mut parts = Vec::new();
                    for part in text.split(&**separator) {
                        args.budget.step()?;
                        if keeps_empty || !part.is_empty() {
                            args.budget.charge(PART_BYTES)?;
                            parts.push(shared(&text, part));
                        }
                    }
                    parts
                }
            }
        };
        Ok(parts.into_iter().filter(|part| keeps_empty || !part.is_empty()).map(Value::from).collect::<Vec<_>>().into())
    },
};

/// At which separators the text is split.
#[derive(Clone, Copy, Debug)]
enum Places {
    All,
    First,
    Last,
}

/// Where the text is split, and whether empty parts stay.
const OPTIONS: [(&str, (Places, bool)); 5] = [
    ("notrim", (Places::All, true)),
    ("leading", (Places::First, false)),
    ("trailing", (Places::Last, false)),
    ("leading_notrim", (Places::First, true)),
    ("trailing_notrim", (Places::Last, true)),
];

/// What a part takes beside the text that it shares.
pub(super) const PART_BYTES: usize = size_of::<ByteString>() + size_of::<Value>();

fn shared(text: &ByteString, part: &str) -> ByteString {
    text.slice_ref(part)
}
