//! Maps.

mod map_get;
mod map_keys;
mod map_new;
mod map_put;
mod map_size;
mod map_to_entries;
mod map_values;
mod mget;
mod mput;

pub(super) use map_to_entries::sorted;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &map_get::MAP_GET,
    &map_keys::MAP_KEYS,
    &map_new::MAP_NEW,
    &map_put::MAP_PUT,
    &map_size::MAP_SIZE,
    &map_to_entries::MAP_TO_ENTRIES,
    &map_values::MAP_VALUES,
    &mget::MGET,
    &mput::MPUT,
];
