//! Text.

mod ascii;
mod concat;
mod find;
mod format;
mod join_to_sql_values_string;
mod join_to_string;
mod lower;
mod ltrim;
mod map_to_redis_hset_args;
mod pad;
mod regex_extract;
mod regex_match;
mod regex_replace;
mod replace;
mod reverse;
mod rm_prefix;
mod rtrim;
mod split;
mod sprintf;
mod sprintf_s;
mod strlen;
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
    &find::FIND,
    &join_to_sql_values_string::JOIN_TO_SQL_VALUES_STRING,
    &join_to_string::JOIN_TO_STRING,
    &lower::LOWER,
    &ltrim::LTRIM,
    &map_to_redis_hset_args::MAP_TO_REDIS_HSET_ARGS,
    &pad::PAD,
    &regex_extract::REGEX_EXTRACT,
    &regex_match::REGEX_MATCH,
    &regex_replace::REGEX_REPLACE,
    &replace::REPLACE,
    &reverse::REVERSE,
    &rm_prefix::RM_PREFIX,
    &rtrim::RTRIM,
    &split::SPLIT,
    &sprintf::SPRINTF,
    &sprintf_s::SPRINTF_S,
    &strlen::STRLEN,
    &substr::SUBSTR,
    &tokens::TOKENS,
    &trim::TRIM,
    &unescape::UNESCAPE,
    &upper::UPPER,
];
