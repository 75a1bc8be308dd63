//! Bits of integers and of bytes.

mod bit_string;
mod bitand;
mod bitnot;
mod bitor;
mod bitsize;
mod bitsl;
mod bitsr;
mod bitxor;
mod bytesize;
mod subbits;

pub(super) use bit_string::BitString;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &bitand::BITAND,
    &bitnot::BITNOT,
    &bitor::BITOR,
    &bitsize::BITSIZE,
    &bitsl::BITSL,
    &bitsr::BITSR,
    &bitxor::BITXOR,
    &bytesize::BYTESIZE,
    &subbits::SUBBITS,
];
