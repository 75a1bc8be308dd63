//! The rule language
