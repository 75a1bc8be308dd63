//! Formats with directives: `~s`, `~p`, `~w`, `~B`, `~f`, with width, precision and padding as in `~10.2f` or `~2..0B`.

use std::iter::Peekable;
use std::str::Chars;

use events::Value;

use crate::functions::{Args, Fault};
use crate::values::text::text_of;

/// The widest a directive may ask for.
const WIDTH_MAX: usize = 10_000;

/// The format in the first argument, its directives filled in with `values` in order.
pub(super) fn format(args: &Args<'_>, values: &[Value]) -> Result<Value, Fault> {
    let format = args.text(0)?;
    args.budget.charge(format.len())?;
    let (mut out, mut rest, mut given) = (String::new(), format.chars().peekable(), values.iter());
    let no_format = || args.out_of_range(0, "a format with the directives `~s`, `~p`, `~w`, `~B`, `~f`, `~~` and `~n`");
    while let Some(character) = rest.next() {
        if character != '~' {
            out.push(character);
            continue;
        }
        let directive = Directive::read(&mut rest).ok_or_else(no_format)?;
        match directive.letter {
            '~' => out.push('~'),
            'n' => out.push('\n'),
            _ => {
                let count = values.len();
                let missing = || Fault::from(format!("the format wants more values than the {count} that are given"));
                let written = directive.write(given.next().ok_or_else(missing)?).ok_or_else(no_format)?;
                args.budget.charge(written.len())?;
                out.push_str(&written);
            }
        }
    }
    match given.len() {
        0 => Ok(out.into()),
        left => Err(Fault::from(format!("the format has no use for {left} of the {} values", values.len()))),
    }
}

struct Directive {
    /// Negative: the text stands at the left.
    width: Option<i64>,
    precision: Option<usize>,
    padding: char,
    letter: char,
}

impl Directive {
    /// What stands after `~`: `[width][.[precision][.padding]]letter`.
    fn read(rest: &mut Peekable<Chars<'_>>) -> Option<Directive> {
        let negative = rest.next_if_eq(&'-').is_some();
        let width = read_number(rest)?.map(|width| if negative { -width } else { width });
        let (mut precision, mut padding) = (None, ' ');
        if rest.next_if_eq(&'.').is_some() {
            precision = read_number(rest)?.and_then(|number| usize::try_from(number).ok());
            if rest.next_if_eq(&'.').is_some() {
                padding = rest.next()?;
            }
        }
        Some(Directive { width, precision, padding, letter: rest.next()? })
    }

    fn write(&self, value: &Value) -> Option<String> {
        let text = match (self.letter, value) {
            ('s', Value::Text(_) | Value::Bytes(_) | Value::Bool(_)) => {
                text_of(value).chars().take(self.precision.unwrap_or(usize::MAX)).collect()
            }
            ('p' | 'w', Value::Float(_)) => value.to_json(),
            ('p' | 'w', _) => value.to_json(),
            ('B' | 'b', Value::Int(_) | Value::BigInt(_)) => value.to_json(),
            ('f', Value::Float(number)) => format!("{number:.*}", self.precision.unwrap_or(6)),
            ('e', Value::Float(number)) => format!("{number:.*e}", self.precision.unwrap_or(5)),
            ('c', Value::Int(code)) => char::from_u32(u32::try_from(*code).ok()?)?.to_string(),
            _ => return None,
        };
        Some(self.padded(text))
    }

    fn padded(&self, text: String) -> String {
        let Some(width) = self.width else { return text };
        let wanted = usize::try_from(width.unsigned_abs()).unwrap_or(WIDTH_MAX);
        let missing = wanted.saturating_sub(text.chars().count());
        let padding: String = std::iter::repeat_n(self.padding, missing).collect();
        if width < 0 { text + &padding } else { padding + &text }
    }
}

/// A number, where one stands there; `None` where it is too large.
fn read_number(rest: &mut Peekable<Chars<'_>>) -> Option<Option<i64>> {
    let mut number: Option<usize> = None;
    while let Some(digit) = rest.peek().and_then(|next| next.to_digit(10)) {
        rest.next();
        let sum = number.unwrap_or(0) * 10 + usize::try_from(digit).ok()?;
        number = Some(sum).filter(|number| *number <= WIDTH_MAX);
        number?;
    }
    Some(number.and_then(|number| i64::try_from(number).ok()))
}
