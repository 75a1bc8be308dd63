//! Text.

mod ascii;
mod concat;
mod directive;
mod ends_with;
mod find;
mod format;
mod format_number;
mod join_to_sql_values_string;
mod join_to_string;
mod left;
mod lower;
mod lpad;
mod ltrim;
mod map_to_redis_hset_args;
mod pad;
mod regex_extract;
mod regex_match;
mod regex_replace;
mod repeat;
mod replace;
mod reverse;
mod right;
mod rm_prefix;
mod rpad;
mod rtrim;
mod split;
mod sprintf;
mod sprintf_s;
mod starts_with;
mod strlen;
mod strpos;
mod substr;
mod tokens;
mod trim;
mod unescape;
mod upper;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &ascii::ASCII,
    &concat::CONCAT,
    &ends_with::ENDS_WITH,
    &find::FIND,
    &format_number::FORMAT_NUMBER,
    &join_to_sql_values_string::JOIN_TO_SQL_VALUES_STRING,
    &join_to_string::JOIN_TO_STRING,
    &left::LEFT,
    &lower::LOWER,
    &lpad::LPAD,
    &ltrim::LTRIM,
    &map_to_redis_hset_args::MAP_TO_REDIS_HSET_ARGS,
    &pad::PAD,
    &regex_extract::REGEX_EXTRACT,
    &regex_match::REGEX_MATCH,
    &regex_replace::REGEX_REPLACE,
    &repeat::REPEAT,
    &replace::REPLACE,
    &reverse::REVERSE,
    &right::RIGHT,
    &rm_prefix::RM_PREFIX,
    &rpad::RPAD,
    &rtrim::RTRIM,
    &split::SPLIT,
    &sprintf::SPRINTF,
    &sprintf_s::SPRINTF_S,
    &starts_with::STARTS_WITH,
    &strlen::STRLEN,
    &strpos::STRPOS,
    &substr::SUBSTR,
    &tokens::TOKENS,
    &trim::TRIM,
    &unescape::UNESCAPE,
    &upper::UPPER,
];
