//! Sessions, retained messages and wills survive what ends the process.

mod buffered;
mod device;
mod kills;
mod survives;
