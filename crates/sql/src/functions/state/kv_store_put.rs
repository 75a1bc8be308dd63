//! The function `kv_store_put`.

use events::{Type, Value};

use crate::StoreFull;
use crate::functions::function::{any, example};
use crate::functions::{Args, Fault, Function};
use crate::values::text::shared_text_of;

pub(super) const KV_STORE_PUT: Function = Function {
    name: "kv_store_put",
    doc: "Keeps a value under a key, for all rules. Returns true.",
    params: &[any("key"), any("value")],
    returns: Type::Bool,
    examples: &[
        example("kv_store_put('k', 1)", "true"),
        example(
            "[kv_store_put('k', [1]), kv_store_get('k'), kv_store_del('k'), kv_store_get('k')]",
            "[true,[1],true,null]",
        ),
    ],
    call: |args| {
        put(args, &bytestring::ByteString::new())?;
        Ok(true.into())
    },
};

/// The longest key, and the longest value as JSON.
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Keeps the second argument under the first, and returns what was there.
pub(super) fn put(args: &Args<'_>, scope: &bytestring::ByteString) -> Result<Value, Fault> {
    let (key, value) = (shared_text_of(args.value(0)), args.value(1));
    args.budget.nest(value)?;
    if value.to_json().len() > VALUE_BYTES_MAX || key.len() > VALUE_BYTES_MAX {
        return Err(args.out_of_range(1, &format!("of at most {VALUE_BYTES_MAX} bytes as JSON")));
    }
    let full = |StoreFull| Fault {
        code: crate::codes::EVAL_STORE,
        message: "the key-value store is full".to_owned(),
        argument: None,
    };
    Ok(args.ctx.store.put(scope, &key, value.clone()).map_err(full)?.unwrap_or_default())
}
