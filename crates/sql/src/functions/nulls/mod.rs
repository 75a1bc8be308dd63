//! NULL, and what stands in for it.

mod coalesce;
mod coalesce_ne;
mod eq;
mod greatest;
mod is_not_null;
mod is_not_null_var;
mod is_null;
mod is_null_var;
mod least;
mod null;
mod nullif;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &coalesce::COALESCE,
    &coalesce_ne::COALESCE_NE,
    &eq::EQ,
    &greatest::GREATEST,
    &is_not_null::IS_NOT_NULL,
    &is_not_null_var::IS_NOT_NULL_VAR,
    &is_null::IS_NULL,
    &is_null_var::IS_NULL_VAR,
    &least::LEAST,
    &null::NULL,
    &nullif::NULLIF,
];
