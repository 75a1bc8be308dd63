//! The grammar: text to tokens, tokens to a tree. What names mean is decided in [`crate::check`].

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a parser names the tokens that may stand at a place; every other is a mistake that it tells"
)]

pub(crate) mod ast;
mod clause;
mod expression;
mod lexer;
mod parser;
mod path;
#[cfg(any(test, fuzzing))]
mod print;
#[cfg(test)]
mod round_trip;
pub(crate) mod span;
mod token;

pub(crate) use clause::{Misread, parse};
#[cfg(any(test, fuzzing))]
pub(crate) use lexer::TEXT_BYTES_MAX;
pub(crate) use lexer::spans;

/// Whether a bare word is reserved.
pub(crate) fn is_keyword(word: &str) -> bool {
    token::Keyword::of(word).is_some()
}
