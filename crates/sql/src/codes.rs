//! The codes of everything that can be wrong. A code is never given a second meaning, and never reused.

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        $($(#[doc = $doc])* pub const $name: &str = $code;)*

        /// Every code with what it means, in order.
        pub const ALL: &[(&str, &str)] = &[$(($code, concat!($($doc),*).trim_ascii()),)*];
    };
}

codes! {
    /// A character that begins nothing.
    UNEXPECTED_CHARACTER = "E001";
    /// A text or a quoted name without its closing quote.
    UNCLOSED_QUOTE = "E002";
    /// A comment without its end.
    UNCLOSED_COMMENT = "E003";
    /// Digits that run into letters, or a number too large to be one.
    MALFORMED_NUMBER = "E004";
    /// Something else was expected here.
    UNEXPECTED_TOKEN = "E010";
    /// A clause is missing, or stands where it may not.
    CLAUSE = "E011";
    /// Parentheses, CASE or lists nested too deep, or a text too long.
    TOO_DEEP = "E012";
    /// Comparisons in a row, as in `a = b = c`.
    CHAINED_COMPARISON = "E013";
    /// Something that is written like an index, and is none.
    INDEX = "E014";
    /// No such function.
    UNKNOWN_FUNCTION = "E101";
    /// Too many or too few arguments.
    WRONG_ARITY = "E102";
    /// No such field in the events the rule listens to.
    UNKNOWN_FIELD = "E103";
    /// A value of the wrong type, known before any event has come.
    WRONG_TYPE = "E104";
    /// A regular expression that is none, or is too large.
    REGEX = "E105";
    /// An argument that the function never takes: a word that is none of its words, a number out of range.
    ARGUMENT_RANGE = "E106";
    /// The function is switched off here.
    FUNCTION_OFF = "E120";
    /// No such event.
    UNKNOWN_EVENT = "E201";
    /// A topic filter that can never match.
    FILTER = "E202";
    /// No such source.
    UNKNOWN_SOURCE = "E203";
    /// A template that cannot be read.
    TEMPLATE_SYNTAX = "E301";
    /// A placeholder that names nothing the rule selects.
    UNKNOWN_VARIABLE = "E302";
    /// A value of the wrong type.
    EVAL_TYPE = "E501";
    /// A value of the right type that is out of range.
    EVAL_RANGE = "E502";
    /// The key-value store is full.
    EVAL_STORE = "E503";
    /// The evaluation took too many steps or too long, or made too many rows.
    EVAL_STEPS = "E504";
    /// The evaluation made too much.
    EVAL_MEMORY = "E505";
    /// A program of `jq` is none, or ended in an error.
    EVAL_JQ = "E506";
    /// The evaluation nests lists and maps too deep.
    EVAL_DEPTH = "E507";
    /// `$event/` was read as `$events/`.
    EVENT_PREFIX = "W001";
    /// A reason under a name of another product was read as ours.
    FOREIGN_REASON = "W002";
    /// A condition that is never true.
    NEVER_TRUE = "W003";
    /// `= NULL`, which is true here where both are NULL, and never in the SQL of databases.
    EQUALS_NULL = "W004";
    /// An index of 0 in a path that is read: the first element has 1.
    INDEX_ZERO = "W005";
    /// A condition that is always true.
    ALWAYS_TRUE = "W006";
    /// A branch of CASE that is never reached, because those before it take everything.
    UNREACHABLE = "W007";
    /// A value that stands twice in IN.
    DUPLICATE = "W008";
    /// A field that one of the topics in FROM has not got: it is NULL there.
    PARTLY_ABSENT = "W009";
    /// An unknown field in a rule with `compat = "emqx"`: it is NULL.
    NULL_FIELD = "W010";
    /// FOREACH over something that is never a list: it makes no row.
    NO_LIST = "W011";
    /// A path into something that has nothing below it: it is NULL.
    NOTHING_BELOW = "W012";
    /// A subtraction that is written like a key with a hyphen.
    HYPHEN = "W013";
    /// An option that the function does not know: it changes nothing.
    UNKNOWN_OPTION = "W014";
    /// FOREACH with a path as its name, which names no element.
    ELEMENT_PATH = "W015";
    /// A call of constants, or a division by one, that fails whatever the event is.
    ALWAYS_FAILS = "W016";
    /// `$bridges/` was read as `$sources/`.
    BRIDGES_PREFIX = "W017";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_stands_twice() {
        let mut codes: Vec<&str> = ALL.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
    }
}
