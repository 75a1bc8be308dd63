//! Text to tokens. Mistakes are noted and skipped, so that the parser sees the rest.

use super::span::Span;
use super::token::{Keyword, Token, TokenKind};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::elsewhere;

/// The longest text of a rule. A longer one is refused with `E012`.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The tokens of `text`, the last of them [`TokenKind::End`].
pub(super) fn tokens(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Token> {
    // Editors on Windows begin a text with a byte order mark.
    let at = if text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    let mut lexer = Lexer { text, at, tokens: Vec::new(), diagnostics, in_path: false };
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("expected a rule of at most {TEXT_BYTES_MAX} bytes, found {}", text.len());
        lexer.diagnostics.push(Diagnostic::error(codes::TOO_DEEP, 0..1, message));
    } else {
        while lexer.next_token() {}
    }
    let end = Span::new(text.len().min(TEXT_BYTES_MAX), text.len().min(TEXT_BYTES_MAX));
    lexer.tokens.push(Token { kind: TokenKind::End, span: end });
    lexer.tokens
}

/// The places of the tokens of `text`; the last one is empty and stands at its end.
pub(crate) fn spans(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    tokens(text, &mut Vec::new()).into_iter().map(|token| token.span.range())
}

struct Lexer<'t, 'd> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    diagnostics: &'d mut Vec<Diagnostic>,
    /// The last token is a step of a path, so that digits after its dot are a step too: `a.1.100`.
    in_path: bool,
}

impl Lexer<'_, '_> {
    /// Reads one token or skips what is none; `false` at the end.
    fn next_token(&mut self) -> bool {
        let Some(first) = self.peek(0) else { return false };
        let start = self.at;
        match first {
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b'-' if self.peek(1) == Some(b'-') => self.skip_line(),
            b'/' if self.peek(1) == Some(b'*') => self.skip_comment(),
            b'\'' => self.read_quoted(b'\'', TokenKind::Text),
            b'"' => self.read_quoted(b'"', TokenKind::QuotedName),
            b'0'..=b'9' => self.read_number(),
            b'.' => self.read_dot(),
            b'a'..=b'z' | b'A'..=b'Z' => self.read_name(),
            _ => self.read_symbol(first, start),
        }
        true
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    fn skip_comment(&mut self) {
        let start = self.at;
        // The star that opens does not close: `/*/` is open.
        self.at += 2;
        match self.rest().find("*/") {
            Some(len) => self.at += len + 2,
            None => {
                self.at = self.text.len();
                self.note(
                    codes::UNCLOSED_COMMENT,
                    start..start + 2,
                    "expected `*/` after `/*`, found the end of the rule",
                );
            }
        }
    }

    /// `'...'` or `"..."`, where the doubled quote stands for itself.
    fn read_quoted(&mut self, quote: u8, kind: TokenKind) {
        let start = self.at;
        self.at += 1;
        loop {
            match self.rest().bytes().position(|byte| byte == quote) {
                Some(len) => self.at += len + 1,
                None => {
                    self.at = self.text.len();
                    let message = format!("expected a closing `{}`, found the end of the rule", char::from(quote));
                    let diagnostic = Diagnostic::error(codes::UNCLOSED_QUOTE, start..start + 1, message);
                    let is_escaped = quote == b'\'' && self.text.contains("\\'");
                    let help = is_escaped.then(|| "a quote in a text is written twice: `'it''s'`".to_owned());
                    self.diagnostics.push(diagnostic.with_help_if(help));
                    return;
                }
            }
            if self.peek(0) != Some(quote) {
                break;
            }
            self.at += 1;
        }
        self.push(kind, start);
        self.in_path = true;
    }

    fn read_dot(&mut self) {
        let start = self.at;
        let after_path = self.in_path && self.tokens.last().is_some_and(|last| last.span.end() == start);
        if self.peek(1) == Some(b'.') {
            self.at += 2;
            self.push(TokenKind::DotDot, start);
        } else if after_path {
            self.at += 1;
            self.push(TokenKind::Dot, start);
            if self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
                let start = self.at;
                self.skip_digits();
                self.push(TokenKind::Int, start);
                self.in_path = true;
            }
        } else if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.read_number();
        } else {
            self.at += 1;
            self.push(TokenKind::Dot, start);
        }
    }

    /// `12`, `1.5`, `.5`, `1e5`.
    fn read_number(&mut self) {
        let start = self.at;
        let mut kind = TokenKind::Int;
        self.skip_digits();
        if self.peek(0) == Some(b'.') && self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
            kind = TokenKind::Float;
            self.at += 1;
            self.skip_digits();
        }
        let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
        if matches!(self.peek(0), Some(b'e' | b'E')) && self.peek(1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
            kind = TokenKind::Float;
            self.at += 1 + sign;
            self.skip_digits();
        }
        self.push(kind, start);
        if self.peek(0).is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            let number_end = self.at;
            self.skip_name();
            let (number, letters) = (self.slice(start, number_end), self.slice(number_end, self.at));
            let message = format!("expected the number `{number}` to end there, found `{letters}` behind it");
            let word = self.slice(start, self.at);
            let name = (kind == TokenKind::Int)
                .then(|| format!("a name that begins with a digit stands in quotes: `\"{word}\"`"));
            let diagnostic = Diagnostic::error(codes::MALFORMED_NUMBER, start..self.at, message);
            self.diagnostics.push(diagnostic.with_help_if(name));
        }
    }

    fn read_name(&mut self) {
        let start = self.at;
        self.skip_name();
        match Keyword::of(self.slice(start, self.at)) {
            Some(keyword) => {
                self.push(TokenKind::Keyword(keyword), start);
                // A keyword after a dot is a step of a path: `payload.end.x`.
                self.in_path = self.tokens.iter().rev().nth(1).is_some_and(|token| token.kind == TokenKind::Dot);
            }
            None => {
                self.push(TokenKind::Name, start);
                self.in_path = true;
            }
        }
    }

    fn read_symbol(&mut self, first: u8, start: usize) {
        let (kind, len) = match (first, self.peek(1)) {
            (b'=', Some(b'~')) => (TokenKind::TopicMatch, 2),
            (b'=', _) => (TokenKind::Equal, 1),
            (b'!', Some(b'=')) | (b'<', Some(b'>')) => (TokenKind::NotEqual, 2),
            (b'<', Some(b'=')) => (TokenKind::LessOrEqual, 2),
            (b'<', _) => (TokenKind::Less, 1),
            (b'>', Some(b'=')) => (TokenKind::GreaterOrEqual, 2),
            (b'>', _) => (TokenKind::Greater, 1),
            (b'+', _) => (TokenKind::Plus, 1),
            (b'-', _) => (TokenKind::Minus, 1),
            (b'*', _) => (TokenKind::Star, 1),
            (b'/', _) => (TokenKind::Slash, 1),
            (b'(', _) => (TokenKind::OpenParenthesis, 1),
            (b')', _) => (TokenKind::CloseParenthesis, 1),
            (b'[', _) => (TokenKind::OpenBracket, 1),
            (b']', _) => (TokenKind::CloseBracket, 1),
            (b'{', _) => (TokenKind::OpenBrace, 1),
            (b'}', _) => (TokenKind::CloseBrace, 1),
            (b',', _) => (TokenKind::Comma, 1),
            (b':', _) => (TokenKind::Colon, 1),
            (b';', _) => (TokenKind::Semicolon, 1),
            _ => return self.refuse_character(start),
        };
        self.at += len;
        self.push(kind, start);
        self.in_path = kind == TokenKind::CloseBracket;
    }

    fn refuse_character(&mut self, start: usize) {
        let character = self.rest().chars().next().unwrap_or_default();
        self.at += character.len_utf8();
        if character == '~' && self.peek(0) == Some(b'=') {
            self.at += 1;
            let diagnostic = Diagnostic::error(codes::UNEXPECTED_CHARACTER, start..self.at, "no operator `~=`");
            return self.diagnostics.push(diagnostic.with_help("`topic =~ 'filter'` matches topics"));
        }
        let begins_key = matches!(character, '$' | '@') && self.tokens.last().is_some_and(|t| t.kind == TokenKind::Dot);
        if character == '_' || character.is_alphanumeric() || begins_key {
            while let Some(next) = self.rest().chars().next().filter(|next| next.is_alphanumeric() || *next == '_') {
                self.at += next.len_utf8();
            }
            let word = self.slice(start, self.at).to_owned();
            let message = format!("expected a name that begins with a letter from a to z, found `{word}`");
            let diagnostic = Diagnostic::error(codes::UNEXPECTED_CHARACTER, start..self.at, message);
            return self.diagnostics.push(diagnostic.with_help(format!("other names stand in quotes: `\"{word}\"`")));
        }
        let help = elsewhere::character(character, self.rest().chars().next()).map(str::to_owned);
        // `${payload.temp}` is one mistake, and so are `&&` and `||`.
        if character == '$'
            && self.rest().starts_with('{')
            && let Some(len) = self.rest().find('}')
        {
            self.at += len + 1;
        }
        if matches!(character, '&' | '|') && self.rest().starts_with(character) {
            self.at += 1;
        }
        let shown = match character {
            '`' => "a backtick".to_owned(),
            // What cannot be seen is told by its number.
            _ if character.is_whitespace() || character.is_control() || elsewhere::is_invisible(character) => {
                format!("the character U+{:04X}", u32::from(character))
            }
            _ => format!("`{}`", self.slice(start, self.at)),
        };
        let message = format!("no use for {shown} here");
        let diagnostic = Diagnostic::error(codes::UNEXPECTED_CHARACTER, start..self.at, message);
        self.diagnostics.push(diagnostic.with_help_if(help));
    }

    fn skip_digits(&mut self) {
        while self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn skip_name(&mut self) {
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | b'@' | b'~') = self.peek(0) {
            self.at += 1;
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token { kind, span: Span::new(start, self.at) });
        self.in_path = false;
    }

    fn note(&mut self, code: &'static str, span: std::ops::Range<usize>, message: &str) {
        self.diagnostics.push(Diagnostic::error(code, span, message));
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }
}
