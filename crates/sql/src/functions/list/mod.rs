//! Lists.

mod contains;
mod first;
mod last;
mod length;
mod nth;
mod sublist;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] =
    &[&contains::CONTAINS, &first::FIRST, &last::LAST, &length::LENGTH, &nth::NTH, &sublist::SUBLIST];
