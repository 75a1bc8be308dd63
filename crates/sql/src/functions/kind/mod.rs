//! Questions about types.

mod is_array;
mod is_bool;
mod is_empty;
mod is_float;
mod is_int;
mod is_map;
mod is_num;
mod is_str;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &is_array::IS_ARRAY,
    &is_bool::IS_BOOL,
    &is_empty::IS_EMPTY,
    &is_float::IS_FLOAT,
    &is_int::IS_INT,
    &is_map::IS_MAP,
    &is_num::IS_NUM,
    &is_str::IS_STR,
];
