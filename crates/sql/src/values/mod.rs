//! What can be done with values, whatever rule they come from: text of them, numbers of text, comparison, arithmetic,
//! paths into them.

pub(crate) mod arithmetic;
pub(crate) mod compare;
pub(crate) mod describe;
pub(crate) mod like;
pub(crate) mod number;
pub(crate) mod path;
pub(crate) mod text;
pub(crate) mod weight;
