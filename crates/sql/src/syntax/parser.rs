//! The parser's hold on the tokens: looking ahead, taking, and telling what was expected.

use std::ops::Range;

use bytestring::ByteString;
use events::Value;

use super::ast::{Expr, ExprKind};
use super::lexer::tokens;
use super::span::Span;
use super::token::{Keyword, Token, TokenKind};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::elsewhere;
use crate::suggest::nearest;

/// The deepest nesting of expressions.
const DEPTH_MAX: usize = 128;

/// The most mistakes that are told of one text; whoever has more mends these first.
const DIAGNOSTICS_MAX: usize = 100;

/// Shorter names are as near to a keyword as to any other word.
const MISSPELT_LEN_MIN: usize = 3;

/// What was wrong has been noted; the caller goes on at the next place that makes sense.
#[derive(Debug)]
pub(super) struct Noted;

pub(super) type Parsed<T> = Result<T, Noted>;

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The bytes that were passed over after mistakes.
    pub(super) skipped: Vec<Range<usize>>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Parser<'t> {
        let mut diagnostics = Vec::new();
        let tokens = tokens(text, &mut diagnostics);
        Parser { text, tokens, at: 0, depth: 0, diagnostics, skipped: Vec::new() }
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.token(0).kind
    }

    pub(super) fn span(&self) -> Span {
        self.token(0).span
    }

    /// The token that many after the next.
    pub(super) fn token(&self, ahead: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + ahead).min(last)]
    }

    /// The span of the token that was taken last.
    pub(super) fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    /// The kind of the token that was taken last.
    pub(super) fn last_kind(&self) -> TokenKind {
        self.tokens[self.at.saturating_sub(1)].kind
    }

    pub(super) fn take(&mut self) -> Token {
        let token = self.token(0);
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    pub(super) fn take_if(&mut self, kind: TokenKind) -> bool {
        let there = self.kind() == kind;
        if there {
            self.take();
        }
        there
    }

    pub(super) fn expect(&mut self, kind: TokenKind, what: &str) -> Parsed<Token> {
        if self.kind() == kind { Ok(self.take()) } else { self.expected(what) }
    }

    pub(super) fn expect_keyword(&mut self, keyword: Keyword) -> Parsed<Token> {
        let what = format!("`{}`", keyword.word());
        self.mend_keyword(&[keyword], &what);
        self.expect(TokenKind::Keyword(keyword), &what)
    }

    /// Whether the token that many after the next is this word, in upper or lower case.
    pub(super) fn is_word(&self, ahead: usize, word: &str) -> bool {
        let token = self.token(ahead);
        token.kind == TokenKind::Name && self.slice(token.span).eq_ignore_ascii_case(word)
    }

    /// Notes that something else was expected where the next token is.
    pub(super) fn expected<T>(&mut self, what: &str) -> Parsed<T> {
        let found = match self.kind() {
            TokenKind::End => "the end of the rule".to_owned(),
            _ => format!("`{}`", self.slice(self.span())),
        };
        let message = format!("expected {what}, found {found}");
        let elsewhere = elsewhere::word(self.slice(self.span())).or_else(|| elsewhere::word(self.with_the_last()));
        let help = elsewhere.map(str::to_owned).or_else(|| {
            // AND and OR may follow every value.
            let may_stand =
                |keyword: &Keyword| what.contains(keyword.word()) || matches!(keyword, Keyword::And | Keyword::Or);
            let meant = self.keyword_meant(Keyword::ALL.iter().copied().filter(may_stand))?;
            Some(format!("did you mean `{}`?", meant.word()))
        });
        self.refuse(Diagnostic::error(codes::UNEXPECTED_TOKEN, self.span().range(), message).with_help_if(help))
    }

    /// Whether the next token is one of `wanted` that is spelt wrong, `what` being expected there. It is told, and is
    /// that keyword from here on, so that its clause is read.
    pub(super) fn mend_keyword(&mut self, wanted: &[Keyword], what: &str) -> bool {
        let Some(meant) = self.keyword_meant(wanted.iter().copied()) else { return false };
        let _noted: Parsed<()> = self.expected(what);
        self.tokens[self.at].kind = TokenKind::Keyword(meant);
        true
    }

    /// The same at a token that was taken as a name, when the next one cannot follow it.
    pub(super) fn mend_keyword_at(&mut self, at: usize, wanted: &[Keyword], what: &str) -> bool {
        let next = std::mem::replace(&mut self.at, at);
        let is_mended = self.mend_keyword(wanted, what);
        if !is_mended {
            self.at = next;
        }
        is_mended
    }

    /// The keyword that the next token was probably meant to be.
    fn keyword_meant(&self, known: impl Iterator<Item = Keyword>) -> Option<Keyword> {
        let word = self.slice(self.span());
        if self.kind() != TokenKind::Name || word.len() < MISSPELT_LEN_MIN || elsewhere::word(word).is_some() {
            return None;
        }
        let known: Vec<Keyword> = known.collect();
        let meant = nearest(word, known.iter().map(|keyword| keyword.word()))?;
        Keyword::of(meant)
    }

    pub(super) fn refuse<T>(&mut self, diagnostic: Diagnostic) -> Parsed<T> {
        // What follows from a mistake in the words themselves is not told a second time.
        let told = self.diagnostics.iter().any(|earlier| {
            earlier.span.start <= diagnostic.span.start && diagnostic.span.start <= earlier.span.end.saturating_add(1)
        });
        if !told && self.diagnostics.len() < DIAGNOSTICS_MAX {
            self.diagnostics.push(diagnostic);
        }
        Err(Noted)
    }

    /// Goes on after a mistake: to the next token outside of all parentheses at which the caller can go on, else to the
    /// next clause or the end.
    pub(super) fn skip_to(&mut self, can_go_on: impl Fn(TokenKind) -> bool) {
        let start = self.span().start();
        let mut open = 0usize;
        loop {
            match self.kind() {
                TokenKind::End => break,
                TokenKind::Keyword(keyword) if keyword.begins_clause() => break,
                kind if open == 0 && can_go_on(kind) => break,
                kind => open = opened(open, kind),
            }
            self.take();
        }
        self.skipped.push(start..self.span().start());
    }

    /// A NULL in the place of an expression in which a mistake was noted, once its end was found. What stands behind it
    /// is read as what it is.
    pub(super) fn null_for_mistake(&mut self, start: usize) -> Parsed<Expr> {
        let first = self.tokens.get(start).map(|token| token.span).unwrap_or_default();
        let open = self
            .tokens
            .get(start..self.at)
            .map_or(0, |read| read.iter().fold(0, |open, token| opened(open, token.kind)));
        self.close(open);
        self.skip_to(ends_operand);
        self.node(ExprKind::Literal(Value::Null), first, &[])
    }

    /// Goes behind the brackets that close `open` ones; where the clause ends before, nothing is passed over.
    fn close(&mut self, mut open: usize) {
        let start = self.at;
        while open > 0 {
            match self.kind() {
                TokenKind::End => break,
                TokenKind::Keyword(keyword) if keyword.begins_clause() => break,
                kind => open = opened(open, kind),
            }
            self.take();
        }
        if open > 0 {
            self.at = start;
        }
    }

    /// How many tokens were taken.
    pub(super) const fn taken(&self) -> usize {
        self.at
    }

    /// Runs `parse` one level deeper.
    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Parser<'t>) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            return self.too_deep();
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// An expression over `children`.
    pub(super) fn node(&mut self, kind: ExprKind, span: Span, children: &[usize]) -> Parsed<Expr> {
        let depth = children.iter().max().map_or(1, |deepest| deepest + 1);
        if depth > 2 * DEPTH_MAX {
            return self.too_deep();
        }
        Ok(Expr { kind, span, depth })
    }

    fn too_deep<T>(&mut self) -> Parsed<T> {
        let message = format!("expected expressions nested at most {DEPTH_MAX} deep");
        self.refuse(Diagnostic::error(codes::TOO_DEEP, self.span().range(), message))
    }

    /// The next token with the one before it, where nothing stands between them: `==` are two.
    fn with_the_last(&self) -> &'t str {
        let (last, next) = (self.last_span(), self.span());
        if last.end() == next.start() { self.slice(last.to(next)) } else { "" }
    }

    pub(super) fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The text between the quotes, where the doubled quote stands for one.
    pub(super) fn unquoted(&self, span: Span) -> ByteString {
        let inner = self.text.get(span.start() + 1..span.end().saturating_sub(1)).unwrap_or_default();
        let quote = self.slice(span).chars().next().unwrap_or('\'');
        if inner.contains(quote) {
            let doubled: String = [quote, quote].iter().collect();
            inner.replace(&doubled, &quote.to_string()).into()
        } else {
            inner.into()
        }
    }
}

/// How many brackets are open after this token; one that closes none is a mistake of its own.
const fn opened(open: usize, kind: TokenKind) -> usize {
    match kind {
        TokenKind::OpenParenthesis | TokenKind::OpenBracket | TokenKind::OpenBrace => open + 1,
        TokenKind::CloseParenthesis | TokenKind::CloseBracket | TokenKind::CloseBrace => open.saturating_sub(1),
        _ => open,
    }
}

/// Whether what stands between AND and OR has certainly ended with this token.
const fn ends_operand(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Comma
            | TokenKind::CloseParenthesis
            | TokenKind::CloseBracket
            | TokenKind::CloseBrace
            | TokenKind::Semicolon
            | TokenKind::Keyword(
                Keyword::And | Keyword::Or | Keyword::As | Keyword::When | Keyword::Then | Keyword::Else | Keyword::End
            )
    )
}
