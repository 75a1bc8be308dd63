//! The function `kv_store_del`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example};
use crate::values::text::shared_text_of;

pub(super) const KV_STORE_DEL: Function = Function {
    name: "kv_store_del",
    doc: "Forgets what is kept under a key. Returns true.",
    params: &[any("key")],
    returns: Type::Bool,
    examples: &[example("kv_store_del('k')", "true")],
    call: |args| {
        args.ctx.store.remove(&bytestring::ByteString::new(), &shared_text_of(args.value(0)));
        Ok(true.into())
    },
};
