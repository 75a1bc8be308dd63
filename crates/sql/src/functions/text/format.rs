//! Formats with directives, as `io:format` of Erlang has them: `~s`, `~p`, `~B`, `~.2f`, with width, precision and
//! padding as in `~10.2f` or `~2..0B`.

use std::iter::Peekable;
use std::slice::Iter;
use std::str::Chars;

use events::Value;

use super::directive::{Directive, Letter};
use crate::functions::{Args, Fault};

/// The widest a directive may ask for.
const WIDTH_MAX: i64 = 10_000;

/// The format in the first argument, its directives filled in with `values` in order.
pub(super) fn format(args: &Args<'_>, values: &[Value]) -> Result<Value, Fault> {
    let format = args.text(0)?;
    args.budget.charge(format.len())?;
    let mut reader = Reader { rest: format.chars().peekable(), given: values.iter(), count: values.len() };
    let mut out = String::new();
    while let Some(character) = reader.rest.next() {
        if character != '~' {
            out.push(character);
            continue;
        }
        args.budget.step()?;
        let written = reader.directive(args)?;
        args.budget.charge(written.len())?;
        out.push_str(&written);
    }
    match reader.given.len() {
        0 => Ok(out.into()),
        left => Err(Fault::from(format!("the format has no use for {left} of the {} values", reader.count))),
    }
}

struct Reader<'f> {
    rest: Peekable<Chars<'f>>,
    given: Iter<'f, Value>,
    count: usize,
}

impl<'f> Reader<'f> {
    /// What stands after `~`: `[width][.[precision][.[padding]]][modifier]letter`, and what becomes of it.
    fn directive(&mut self, args: &Args<'_>) -> Result<String, Fault> {
        let width = self.width()?;
        let (mut precision, mut padding) = (None, ' ');
        if self.rest.next_if_eq(&'.').is_some() {
            precision = self.width()?.map(|number| usize::try_from(number.max(0)).unwrap_or(0));
            if self.rest.next_if_eq(&'.').is_some() {
                padding = self.rest.next().ok_or_else(|| no_format(args))?;
            }
        }
        // `t` is for Unicode, which all text is here, `l` and `k` are for terms that no value is.
        while self.rest.next_if(|next| matches!(next, 't' | 'l' | 'k')).is_some() {}
        let letter = self.rest.next().and_then(Letter::of).ok_or_else(|| no_format(args))?;
        let directive = Directive { width, precision, padding };
        match letter {
            Letter::Tilde => Ok("~".to_owned()),
            Letter::LineEnd => Ok("\n".repeat(directive.width().unwrap_or(1))),
            Letter::Ignored => self.value().map(|_| String::new()),
            Letter::Prefixed(case) => {
                let (value, prefix) = (self.value()?, self.value()?);
                directive.prefixed(value, prefix, case).map_err(Fault::from)
            }
            Letter::Of(kind) => directive.write(kind, self.value()?).map_err(Fault::from),
        }
    }

    fn value(&mut self) -> Result<&'f Value, Fault> {
        let count = self.count;
        self.given
            .next()
            .ok_or_else(|| Fault::from(format!("the format wants more values than the {count} that are given")))
    }

    /// A number, perhaps negative, where one stands there; `*` takes it from the values.
    fn width(&mut self) -> Result<Option<i64>, Fault> {
        let too_wide = || Fault::from(format!("a directive asks for more than {WIDTH_MAX} characters"));
        if self.rest.next_if_eq(&'*').is_some() {
            let Value::Int(number) = self.value()? else {
                return Err(Fault::from("the value for `*` in the format must be an integer".to_owned()));
            };
            return if number.unsigned_abs() <= WIDTH_MAX.unsigned_abs() { Ok(Some(*number)) } else { Err(too_wide()) };
        }
        let negative = self.rest.next_if_eq(&'-').is_some();
        let mut number: Option<i64> = None;
        while let Some(digit) = self.rest.peek().and_then(|next| next.to_digit(10)) {
            self.rest.next();
            let sum = number.unwrap_or(0) * 10 + i64::from(digit);
            if sum > WIDTH_MAX {
                return Err(too_wide());
            }
            number = Some(sum);
        }
        Ok(number.map(|number| if negative { -number } else { number }))
    }
}

fn no_format(args: &Args<'_>) -> Fault {
    let known = "`~s`, `~p`, `~w`, `~B`, `~b`, `~f`, `~e`, `~g`, `~c`, `~X`, `~#`, `~i`, `~~` and `~n`";
    args.out_of_range(0, &format!("a format with the directives {known}"))
}
