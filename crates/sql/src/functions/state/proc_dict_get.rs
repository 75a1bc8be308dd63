//! The function `proc_dict_get`.

use events::Type;

use crate::functions::function::{any, column, example};
use crate::functions::{Args, Function};
use crate::values::text::shared_text_of;

pub(super) const PROC_DICT_GET: Function = Function {
    name: "proc_dict_get",
    doc: "The value that is kept under a key for this client, or NULL.",
    params: &[any("key"), column("clientid")],
    returns: Type::Any,
    examples: &[example("proc_dict_get('never-set')", "null")],
    call: |args| Ok(args.ctx.store.get(&scope(args), &shared_text_of(args.value(0))).unwrap_or_default()),
};

/// The scope of the client at hand; its slash keeps it apart from that of all rules.
pub(super) fn scope(args: &Args<'_>) -> bytestring::ByteString {
    format!("client/{}", shared_text_of(args.column(0))).into()
}
