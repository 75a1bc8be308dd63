//! REST, metrics and the live tail
