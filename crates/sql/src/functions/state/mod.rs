//! Randomness, environment, and state that outlives an event.

mod getenv;
mod kv_store_del;
mod kv_store_get;
mod kv_store_put;
mod proc_dict_del;
mod proc_dict_get;
mod proc_dict_put;
mod random;
mod uuid_v4;
mod uuid_v4_no_hyphen;
mod uuid_v7;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &getenv::GETENV,
    &kv_store_del::KV_STORE_DEL,
    &kv_store_get::KV_STORE_GET,
    &kv_store_put::KV_STORE_PUT,
    &proc_dict_del::PROC_DICT_DEL,
    &proc_dict_get::PROC_DICT_GET,
    &proc_dict_put::PROC_DICT_PUT,
    &random::RANDOM,
    &uuid_v4::UUID_V4,
    &uuid_v4_no_hyphen::UUID_V4_NO_HYPHEN,
    &uuid_v7::UUID_V7,
];
