//! The grammar: text to tokens, tokens to a tree. What names mean is decided in [`crate::check`].

pub(crate) mod ast;
mod clause;
mod expression;
mod lexer;
mod parser;
mod path;
pub(crate) mod span;
mod token;

pub(crate) use clause::parse;
