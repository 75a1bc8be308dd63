//! From one type to another.

mod bin2hexstr;
mod bool;
mod float;
mod float2str;
mod hexstr2bin;
mod int;
mod map;
mod sqlserver_bin2hexstr;
mod str;
mod str_utf16_le;
mod str_utf8;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &bin2hexstr::BIN2HEXSTR,
    &bool::BOOL,
    &float::FLOAT,
    &float2str::FLOAT2STR,
    &hexstr2bin::HEXSTR2BIN,
    &int::INT,
    &map::MAP,
    &sqlserver_bin2hexstr::SQLSERVER_BIN2HEXSTR,
    &str::STR,
    &str_utf16_le::STR_UTF16_LE,
    &str_utf8::STR_UTF8,
];
