//! Evaluation: a plan and the columns of an event make rows.

mod budget;
mod expression;
mod frame;
mod path;
mod rows;

pub(crate) use budget::{Budget, too_deep};
pub(crate) use expression::{eval, holds};
pub(crate) use frame::{Evaluated, Frame, PayloadView, Scope, Slot, empty_frame, fault_at};
pub(crate) use path::reach;
pub(crate) use rows::{check_row_count, collection, place_element, prepare, project, put_item, rows_of, run};
