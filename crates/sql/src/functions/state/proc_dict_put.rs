//! The function `proc_dict_put`.

use events::Type;

use super::kv_store_put::put;
use super::proc_dict_get::scope;
use crate::functions::Function;
use crate::functions::function::{any, column, example};

pub(super) const PROC_DICT_PUT: Function = Function {
    name: "proc_dict_put",
    doc: "Keeps a value under a key, for this client. Returns what was there.",
    params: &[any("key"), any("value"), column("clientid")],
    returns: Type::Any,
    examples: &[
        example("proc_dict_put('k', 1)", "null"),
        example(
            "[proc_dict_put('k', 5), proc_dict_put('k', 6), proc_dict_get('k'), proc_dict_del('k'), proc_dict_get('k')]",
            "[null,5,6,6,null]",
        ),
    ],
    call: |args| put(args, &scope(args)),
};
