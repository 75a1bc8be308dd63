//! Dates and times.

mod date_to_unix_ts;
mod format_date;
mod mongo_date;
mod now_rfc3339;
mod now_timestamp;
mod parts;
mod rfc3339_to_unix_ts;
mod timezone_to_offset_seconds;
mod timezone_to_second;
mod unix_ts_to_rfc3339;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &date_to_unix_ts::DATE_TO_UNIX_TS,
    &format_date::FORMAT_DATE,
    &mongo_date::MONGO_DATE,
    &now_rfc3339::NOW_RFC3339,
    &now_timestamp::NOW_TIMESTAMP,
    &rfc3339_to_unix_ts::RFC3339_TO_UNIX_TS,
    &timezone_to_offset_seconds::TIMEZONE_TO_OFFSET_SECONDS,
    &timezone_to_second::TIMEZONE_TO_SECOND,
    &unix_ts_to_rfc3339::UNIX_TS_TO_RFC3339,
];
