//! Sessions, retained messages and wills survive what ends the process.

mod buffered;
pub(crate) mod device;
mod kills;
mod survives;
