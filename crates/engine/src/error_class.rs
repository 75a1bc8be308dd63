//! What kind of thing goes wrong with an output, for people who sort their dead letters.

use std::fmt;
use std::str::FromStr;

/// What kind of error an attempt ended with. The outcome beside it says whether it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorClass {
    /// The other side was not reached, or the connection to it broke.
    Unreachable,
    /// It did not answer in time.
    Timeout,
    /// It says that it cannot at the moment: it starts, stops, is full or not well.
    Unavailable,
    /// It asks to be sent less.
    Throttled,
    /// It does not know us, or does not let us.
    Unauthorized,
    /// What was written to is not there: the address, the table, the column.
    Missing,
    /// A value does not fit where it was to go.
    Data,
    /// A rule of the other side about its data forbids it: a key that is there already, a check, a reference.
    Constraint,
    /// It refuses it for another reason.
    Refused,
    /// Nothing could be sent: the row does not make a message, a request or a statement.
    Unsendable,
    /// A fault of this program.
    Internal,
}

impl ErrorClass {
    /// Every class, in the order of declaration.
    pub const ALL: [ErrorClass; 11] = [
        ErrorClass::Unreachable,
        ErrorClass::Timeout,
        ErrorClass::Unavailable,
        ErrorClass::Throttled,
        ErrorClass::Unauthorized,
        ErrorClass::Missing,
        ErrorClass::Data,
        ErrorClass::Constraint,
        ErrorClass::Refused,
        ErrorClass::Unsendable,
        ErrorClass::Internal,
    ];

    /// The name for people and the API.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorClass::Unreachable => "unreachable",
            ErrorClass::Timeout => "timeout",
            ErrorClass::Unavailable => "unavailable",
            ErrorClass::Throttled => "throttled",
            ErrorClass::Unauthorized => "unauthorized",
            ErrorClass::Missing => "missing",
            ErrorClass::Data => "data",
            ErrorClass::Constraint => "constraint",
            ErrorClass::Refused => "refused",
            ErrorClass::Unsendable => "unsendable",
            ErrorClass::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ErrorClass {
    type Err = String;

    fn from_str(text: &str) -> Result<ErrorClass, String> {
        let named = ErrorClass::ALL.into_iter().find(|class| class.name() == text);
        named.ok_or_else(|| {
            let names = ErrorClass::ALL.map(ErrorClass::name);
            format!("expected a class of errors, one of `{}`, found `{text}`", names.join("`, `"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_as_it_is_written() {
        for class in ErrorClass::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        assert!("dta".parse::<ErrorClass>().unwrap_err().contains("`data`"));
    }
}
