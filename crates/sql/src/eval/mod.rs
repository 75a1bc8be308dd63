//! Evaluation: a plan and the columns of an event make rows.

mod budget;
mod expression;
mod frame;
mod path;
mod rows;

pub(crate) use budget::{Budget, too_deep};
pub(crate) use rows::run;
