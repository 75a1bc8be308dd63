//! Dates and times.

mod date_part;
mod date_to_unix_ts;
mod date_trunc;
mod format_date;
mod format_timestamp;
mod mongo_date;
mod now_rfc3339;
mod now_timestamp;
mod parse_timestamp;
mod parts;
mod rfc3339_to_unix_ts;
mod timezone_to_offset_seconds;
mod timezone_to_second;
mod unix_ts_to_rfc3339;
mod zone;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &date_part::DATE_PART,
    &date_to_unix_ts::DATE_TO_UNIX_TS,
    &date_trunc::DATE_TRUNC,
    &format_date::FORMAT_DATE,
    &format_timestamp::FORMAT_TIMESTAMP,
    &mongo_date::MONGO_DATE,
    &now_rfc3339::NOW_RFC3339,
    &now_timestamp::NOW_TIMESTAMP,
    &parse_timestamp::PARSE_TIMESTAMP,
    &rfc3339_to_unix_ts::RFC3339_TO_UNIX_TS,
    &timezone_to_offset_seconds::TIMEZONE_TO_OFFSET_SECONDS,
    &timezone_to_second::TIMEZONE_TO_SECOND,
    &unix_ts_to_rfc3339::UNIX_TS_TO_RFC3339,
];
