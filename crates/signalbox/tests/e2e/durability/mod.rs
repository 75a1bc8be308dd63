//! Sessions, retained messages and wills survive what ends the process.

mod buffered;
pub(crate) mod device;
mod endings;
mod kills;
mod survives;
