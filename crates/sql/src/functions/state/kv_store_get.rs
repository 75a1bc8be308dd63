//! The function `kv_store_get`.

use events::Type;

use crate::functions::Function;
use crate::functions::function::{any, example, optional};
use crate::values::text::shared_text_of;

pub(super) const KV_STORE_GET: Function = Function {
    name: "kv_store_get",
    doc: "The value that is kept under a key; else the default, or NULL.",
    params: &[any("key"), optional(any("default"))],
    returns: Type::Any,
    examples: &[example("kv_store_get('never-set', 'd')", r#""d""#), example("kv_store_get('never-set')", "null")],
    call: |args| {
        let found = args.ctx.store.get(&bytestring::ByteString::new(), &shared_text_of(args.value(0)));
        Ok(found.unwrap_or_else(|| args.value(1).clone()))
    },
};
