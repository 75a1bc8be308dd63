//! The function `map_new`.

use events::{Map, Type};

use crate::functions::Function;
use crate::functions::function::example;

pub(super) const MAP_NEW: Function = Function {
    name: "map_new",
    doc: "A map with nothing in it.",
    params: &[],
    returns: Type::Map,
    examples: &[example("map_new()", "{}"), example("map_put('k', 1, map_new())", r#"{"k":1}"#)],
    call: |_| Ok(Map::new().into()),
};
