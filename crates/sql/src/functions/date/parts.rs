//! Units, offsets and formats of dates.

use std::fmt::Write as _;

use events::Value;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::functions::function::{one_of, words};
use crate::functions::{Args, Fault, Param};

/// The unit of a time since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

const UNITS: [(&str, Unit); 4] = [
    ("second", Unit::Second),
    ("millisecond", Unit::Millisecond),
    ("microsecond", Unit::Microsecond),
    ("nanosecond", Unit::Nanosecond),
];

/// The parameter that names a unit.
pub(super) const UNIT: Param = one_of("unit", &words(&UNITS));

impl Unit {
    /// The unit that the argument at a place names; seconds where the rule leaves it out.
    pub(super) fn of(args: &Args<'_>, at: usize) -> Result<Unit, Fault> {
        args.one_of_or(at, &UNITS, Unit::Second)
    }

    const fn nanoseconds(self) -> i128 {
        match self {
            Unit::Second => 1_000_000_000,
            Unit::Millisecond => 1_000_000,
            Unit::Microsecond => 1_000,
            Unit::Nanosecond => 1,
        }
    }

    const fn decimals(self) -> usize {
        match self {
            Unit::Second => 0,
            Unit::Millisecond => 3,
            Unit::Microsecond => 6,
            Unit::Nanosecond => 9,
        }
    }

    /// A time in ms in this unit.
    pub(super) fn of_ms(self, ms: i64) -> Value {
        self.of_nanoseconds(i128::from(ms) * Unit::Millisecond.nanoseconds())
    }

    /// A time in this unit, cut to the earlier whole one.
    pub(super) fn of_timestamp(self, time: Timestamp) -> Value {
        self.of_nanoseconds(time.as_nanosecond())
    }

    fn of_nanoseconds(self, nanoseconds: i128) -> Value {
        let number = nanoseconds.div_euclid(self.nanoseconds());
        i64::try_from(number).map_or_else(|_| Value::from_big(number.into()), Value::Int)
    }

    /// The time that a number in this unit is.
    pub(super) fn timestamp(self, number: &Value) -> Option<Timestamp> {
        let number = match number {
            Value::Int(number) => i128::from(*number),
            Value::BigInt(number) => i128::try_from(&**number).ok()?,
            Value::Null
            | Value::Bool(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_) => return None,
        };
        Timestamp::from_nanosecond(number.checked_mul(self.nanoseconds())?).ok()
    }
}

/// `2024-02-29T12:00:00.250+00:00` in the offset of the context.
pub(super) fn rfc3339(args: &Args<'_>, time: &Value, unit: Unit) -> Result<Value, Fault> {
    if !matches!(time, Value::Int(_) | Value::BigInt(_)) {
        return args.wrong_type(0, "an integer");
    }
    let offset = i64::from(args.ctx.utc_offset_s);
    let civil = unit.timestamp(time).and_then(|time| shifted(time, offset));
    let civil = civil.ok_or_else(|| args.out_of_range(0, "a time in the years 0 to 9999"))?;
    let fraction = match unit.decimals() {
        0 => String::new(),
        decimals => format!(".%{decimals}N"),
    };
    Ok(write_format(&format!("%Y-%m-%dT%H:%M:%S{fraction}%:z"), civil, offset).into())
}

/// The date and time of day in an offset.
pub(super) fn shifted(time: Timestamp, offset_s: i64) -> Option<DateTime> {
    let moved = time.checked_add(SignedDuration::from_secs(offset_s)).ok()?;
    let civil = Offset::UTC.to_datetime(moved);
    (civil.year() >= 0).then_some(civil)
}

/// No time of the calendar is further from another.
const OFFSET_S_MAX: u64 = 10_000 * 366 * 86_400;

/// The time that a text tells in the form of RFC 3339, and in no other: with seconds and an offset. What of the fraction
/// is below nanoseconds is cut.
pub(super) fn read_rfc3339(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = fields(date, '-')?;
    let offset_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, offset) = time.split_at_checked(offset_at)?;
    let (time, fraction) = time.split_once('.').map_or((time, None), |(time, fraction)| (time, Some(fraction)));
    let [hour, minute, second] = fields(time, ':')?;
    let nanosecond = match fraction {
        None => 0,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.chars().chain(std::iter::repeat('0')).take(9).collect::<String>().parse().ok()?
        }
        Some(_) => return None,
    };
    let is_zulu = matches!(offset, "Z" | "z");
    if !is_zulu && (offset.len() != 6 || !offset.contains(':')) {
        return None;
    }
    let (offset_s, _) = read_offset(offset)?;
    timestamp_of([year, month, day, hour, minute, second], nanosecond, offset_s)
}

/// Three numbers, the first of four digits where a date begins with it, the others of two.
fn fields(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(separator);
    for (at, number) in numbers.iter_mut().enumerate() {
        let (value, rest) = read_digits(parts.next()?, if separator == '-' && at == 0 { 4 } else { 2 })?;
        if !rest.is_empty() {
            return None;
        }
        *number = value;
    }
    parts.next().is_none().then_some(numbers)
}

/// The time of year, month, day, hour, minute and second in an offset.
fn timestamp_of(fields: [i64; 6], nanosecond: i64, offset_s: i64) -> Option<Timestamp> {
    let [year, month, day, hour, minute, second] = fields;
    let small = |number: i64| i8::try_from(number).ok();
    let date = jiff::civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let nanosecond = i32::try_from(nanosecond).ok()?;
    let time = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()?;
    let time = Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    time.checked_sub(SignedDuration::from_secs(offset_s)).ok()
}

/// The seconds of `+08:00`, `-0330`, `+01:02:03`, `Z`, `local` or a number of seconds.
pub(super) fn offset_seconds(args: &Args<'_>, at: usize) -> Result<i64, Fault> {
    let seconds = match args.value(at) {
        Value::Int(seconds) if seconds.unsigned_abs() <= OFFSET_S_MAX => Some(*seconds),
        Value::Text(text) if &**text == "local" => Some(args.ctx.utc_offset_s.into()),
        Value::Text(text) => read_offset(text).filter(|(_, rest)| rest.is_empty()).map(|(seconds, _)| seconds),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => None,
    };
    seconds.ok_or_else(|| args.out_of_range(at, "an offset such as `+08:00`, `Z` or a number of seconds"))
}

/// An offset at the beginning of a text, and the rest.
fn read_offset(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((0, rest));
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = read_digits(text.strip_prefix(['+', '-'])?, 2)?;
    let colon = rest.starts_with(':');
    let (minutes, rest) = read_digits(if colon { rest.strip_prefix(':')? } else { rest }, 2)?;
    let seconds = rest.strip_prefix(':').filter(|_| colon).and_then(|rest| read_digits(rest, 2));
    let (seconds, rest) = seconds.unwrap_or((0, rest));
    (hours <= 23 && minutes <= 59 && seconds <= 59).then_some((sign * (hours * 3600 + minutes * 60 + seconds), rest))
}

/// A number of exactly that many digits, and the rest.
fn read_digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let digits = text.get(..count)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| all)?, text.get(count..)?))
}

/// A piece of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'f> {
    Literal(&'f str),
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// That many digits of the fraction.
    Fraction(usize),
    /// With that many colons.
    Offset(usize),
}

/// The pieces of a format. What is no directive is literal.
fn pieces(format: &str) -> Vec<Piece<'_>> {
    const DIRECTIVES: &[(&str, Piece<'static>)] = &[
        ("%Y", Piece::Year),
        ("%m", Piece::Month),
        ("%d", Piece::Day),
        ("%H", Piece::Hour),
        ("%M", Piece::Minute),
        ("%S", Piece::Second),
        ("%N", Piece::Fraction(9)),
        ("%3N", Piece::Fraction(3)),
        ("%6N", Piece::Fraction(6)),
        ("%9N", Piece::Fraction(9)),
        ("%z", Piece::Offset(0)),
        ("%:z", Piece::Offset(1)),
        ("%::z", Piece::Offset(2)),
    ];
    let mut pieces = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        let directive = DIRECTIVES.iter().find(|(text, _)| rest.starts_with(text));
        let (piece, len) = match directive {
            Some((text, piece)) => (*piece, text.len()),
            None => {
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let len = rest.get(first..).and_then(|behind| behind.find('%')).map_or(rest.len(), |len| first + len);
                (Piece::Literal(rest.get(..len).unwrap_or_default()), len)
            }
        };
        pieces.push(piece);
        rest = rest.get(len..).unwrap_or_default();
    }
    pieces
}

/// A date and time of day in a format.
pub(super) fn write_format(format: &str, time: DateTime, offset_s: i64) -> String {
    let mut out = String::with_capacity(format.len() * 2);
    for piece in pieces(format) {
        let written = match piece {
            Piece::Literal(text) => out.write_str(text),
            Piece::Year => write!(out, "{:04}", time.year()),
            Piece::Month => write!(out, "{:02}", time.month()),
            Piece::Day => write!(out, "{:02}", time.day()),
            Piece::Hour => write!(out, "{:02}", time.hour()),
            Piece::Minute => write!(out, "{:02}", time.minute()),
            Piece::Second => write!(out, "{:02}", time.second()),
            Piece::Fraction(digits) => {
                let whole = format!("{:09}", time.subsec_nanosecond());
                out.write_str(whole.get(..digits).unwrap_or_default())
            }
            Piece::Offset(colons) => {
                let (sign, seconds) = (if offset_s < 0 { '-' } else { '+' }, offset_s.abs());
                let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                match colons {
                    0 => write!(out, "{sign}{hours:02}{minutes:02}"),
                    1 => write!(out, "{sign}{hours:02}:{minutes:02}"),
                    _ => write!(out, "{sign}{hours:02}:{minutes:02}:{seconds:02}"),
                }
            }
        };
        written.expect("writing into a String cannot fail");
    }
    out
}

/// The time that a text tells in a format. What is literal in the format must stand in the text.
pub(super) fn read_format(format: &str, text: &str) -> Option<Timestamp> {
    let (mut year, mut month, mut day, mut hour, mut minute, mut second) = (0, 1, 1, 0, 0, 0);
    let (mut nanosecond, mut offset_s) = (0, 0);
    let mut rest = text;
    for piece in pieces(format) {
        let (number, behind) = match piece {
            Piece::Literal(literal) => (0, rest.strip_prefix(literal)?),
            Piece::Year => read_digits(rest, 4)?,
            Piece::Month | Piece::Day | Piece::Hour | Piece::Minute | Piece::Second => read_digits(rest, 2)?,
            Piece::Fraction(digits) => read_digits(rest, digits)?,
            Piece::Offset(_) => read_offset(rest)?,
        };
        match piece {
            Piece::Literal(_) => {}
            Piece::Year => year = number,
            Piece::Month => month = number,
            Piece::Day => day = number,
            Piece::Hour => hour = number,
            Piece::Minute => minute = number,
            Piece::Second => second = number,
            Piece::Fraction(digits) => nanosecond = number * 10_i64.pow(u32::try_from(9 - digits).ok()?),
            Piece::Offset(_) => offset_s = number,
        }
        rest = behind;
    }
    timestamp_of([year, month, day, hour, minute, second], nanosecond, offset_s)
}
