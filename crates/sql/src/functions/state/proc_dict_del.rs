//! The function `proc_dict_del`.

use events::Type;

use super::proc_dict_get::scope;
use crate::functions::Function;
use crate::functions::function::{any, column, example};
use crate::values::text::shared_text_of;

pub(super) const PROC_DICT_DEL: Function = Function {
    name: "proc_dict_del",
    doc: "Forgets what is kept under a key for this client. Returns what was there.",
    params: &[any("key"), column("clientid")],
    returns: Type::Any,
    examples: &[example("proc_dict_del('never-set')", "null")],
    call: |args| Ok(args.ctx.store.remove(&scope(args), &shared_text_of(args.value(0))).unwrap_or_default()),
};
