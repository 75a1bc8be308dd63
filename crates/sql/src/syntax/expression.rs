//! Expressions, by precedence: OR, AND, NOT, comparison, `+ -`, `* / div mod`, signs.

use bytestring::ByteString;
use events::Value;

use super::ast::{Expr, ExprKind};
use super::parser::{Noted, Parsed, Parser};
use super::span::Span;
use super::token::{Keyword, Token, TokenKind};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::json::number_of;
use crate::values::arithmetic::Arithmetic;
use crate::values::compare::Comparison;

/// What may stand behind a branch of CASE.
const AFTER_BRANCH: &str = "`WHEN`, `ELSE` or `END`";

/// The longest list that `[a..b]` may stand for.
const RANGE_LEN_MAX: i64 = 100_000;

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(Parser::or)
    }

    fn or(&mut self) -> Parsed<Expr> {
        let first = self.and()?;
        self.chain(first, Keyword::Or, Parser::and, ExprKind::Or)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let first = self.conjunct()?;
        self.chain(first, Keyword::And, Parser::conjunct, ExprKind::And)
    }

    /// What stands between AND and OR. A mistake in it does not hide those in the others.
    fn conjunct(&mut self) -> Parsed<Expr> {
        let start = self.taken();
        self.not().or_else(|Noted| self.null_for_mistake(start))
    }

    /// `first op next op next ...` as one node.
    fn chain(
        &mut self,
        first: Expr,
        keyword: Keyword,
        next: fn(&mut Self) -> Parsed<Expr>,
        kind: fn(Vec<Expr>) -> ExprKind,
    ) -> Parsed<Expr> {
        if self.kind() != TokenKind::Keyword(keyword) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take_if(TokenKind::Keyword(keyword)) {
            operands.push(next(self)?);
        }
        let span = operands[0].span.to(self.last_span());
        let depths: Vec<usize> = operands.iter().map(|operand| operand.depth).collect();
        self.node(kind(operands), span, &depths)
    }

    fn not(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if !self.take_if(TokenKind::Keyword(Keyword::Not)) {
            return self.comparison();
        }
        let operand = self.deeper(Parser::not)?;
        let (span, depth) = (start.to(operand.span), operand.depth);
        self.node(ExprKind::Not(Box::new(operand)), span, &[depth])
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.sum()?;
        let compared = if let Some(op) = comparison_of(self.kind()) {
            self.take();
            let right = self.sum()?;
            let (span, depths) = (left.span.to(right.span), [left.depth, right.depth]);
            self.node(ExprKind::Compare { op, left: Box::new(left), right: Box::new(right) }, span, &depths)?
        } else if self.take_if(TokenKind::TopicMatch) {
            let right = self.sum()?;
            let (span, depths) = (left.span.to(right.span), [left.depth, right.depth]);
            self.node(ExprKind::TopicMatch { topic: Box::new(left), filter: Box::new(right) }, span, &depths)?
        } else {
            self.predicate(left)?
        };
        if comparison_of(self.kind()).is_some() || self.kind() == TokenKind::TopicMatch {
            let message = "expected one comparison, found two in a row";
            let diagnostic = Diagnostic::error(codes::CHAINED_COMPARISON, self.span().range(), message);
            return self.refuse(diagnostic.with_help("join comparisons with `AND`"));
        }
        Ok(compared)
    }

    /// `IN`, `LIKE`, `BETWEEN`, `IS NULL` after their operand, where one of them stands.
    fn predicate(&mut self, operand: Expr) -> Parsed<Expr> {
        let negated = self.kind() == TokenKind::Keyword(Keyword::Not);
        let ahead = usize::from(negated);
        if self.token(ahead).kind == TokenKind::Keyword(Keyword::In) {
            self.take_many(ahead + 1);
            return self.in_list(negated, operand);
        }
        if self.is_word(ahead, "like") {
            self.take_many(ahead + 1);
            let pattern = self.sum()?;
            let (span, depths) = (operand.span.to(pattern.span), [operand.depth, pattern.depth]);
            let kind = ExprKind::Like { negated, operand: Box::new(operand), pattern: Box::new(pattern) };
            return self.node(kind, span, &depths);
        }
        if self.is_word(ahead, "between") {
            self.take_many(ahead + 1);
            return self.between(negated, operand);
        }
        let is_negated = self.token(1).kind == TokenKind::Keyword(Keyword::Not);
        if self.is_word(0, "is") && self.is_word(1 + usize::from(is_negated), "null") {
            self.take_many(2 + usize::from(is_negated));
            let (span, depth) = (operand.span.to(self.last_span()), operand.depth);
            return self.node(ExprKind::IsNull { negated: is_negated, operand: Box::new(operand) }, span, &[depth]);
        }
        Ok(operand)
    }

    fn in_list(&mut self, negated: bool, operand: Expr) -> Parsed<Expr> {
        if matches!(self.kind(), TokenKind::Name | TokenKind::QuotedName) {
            let message = format!("expected `(` after `IN`, found `{}`", self.slice(self.span()));
            let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, self.span().range(), message);
            return self.refuse(diagnostic.with_help("to look into a list, write `contains(value, list)`"));
        }
        self.expect(TokenKind::OpenParenthesis, "`(` after `IN`, as in `IN (1, 2)`")?;
        let items = self.deeper(|parser| parser.list_until(TokenKind::CloseParenthesis, "`,` or `)`", false))?;
        if items.is_empty() {
            let span = self.last_span();
            let message = "expected a value between `(` and `)` of `IN`, found none";
            return self.refuse(Diagnostic::error(codes::UNEXPECTED_TOKEN, span.range(), message));
        }
        let span = operand.span.to(self.last_span());
        let depths: Vec<usize> = items.iter().chain([&operand]).map(|expr| expr.depth).collect();
        self.node(ExprKind::In { negated, operand: Box::new(operand), items }, span, &depths)
    }

    fn between(&mut self, negated: bool, operand: Expr) -> Parsed<Expr> {
        let low = self.sum()?;
        self.expect_keyword(Keyword::And)?;
        let high = self.sum()?;
        let (span, depths) = (operand.span.to(high.span), [operand.depth, low.depth, high.depth]);
        let (operand, low, high) = (Box::new(operand), Box::new(low), Box::new(high));
        self.node(ExprKind::Between { negated, operand, low, high }, span, &depths)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        self.arithmetic(Parser::product, |parser| match parser.kind() {
            TokenKind::Plus => Some(Arithmetic::Add),
            TokenKind::Minus => Some(Arithmetic::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Parsed<Expr> {
        self.arithmetic(Parser::signed, |parser| match parser.kind() {
            TokenKind::Star => Some(Arithmetic::Multiply),
            TokenKind::Slash => Some(Arithmetic::Divide),
            TokenKind::Name if parser.slice(parser.span()) == "div" => Some(Arithmetic::IntegerDivide),
            TokenKind::Name if parser.slice(parser.span()) == "mod" => Some(Arithmetic::Modulo),
            _ => None,
        })
    }

    /// `operand op operand op ...` as one node, so that a long one is not deep.
    fn arithmetic(
        &mut self,
        operand: fn(&mut Self) -> Parsed<Expr>,
        operator: fn(&Self) -> Option<Arithmetic>,
    ) -> Parsed<Expr> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(op) = operator(self) {
            self.take();
            rest.push((op, operand(self)?));
        }
        let Some((_, last)) = rest.last() else { return Ok(first) };
        let span = first.span.to(last.span);
        let depths: Vec<usize> = rest.iter().map(|(_, operand)| operand.depth).chain([first.depth]).collect();
        self.node(ExprKind::Arithmetic { first: Box::new(first), rest }, span, &depths)
    }

    fn signed(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if self.take_if(TokenKind::Plus) {
            let operand = self.deeper(Parser::signed)?;
            return Ok(Expr { span: start.to(operand.span), ..operand });
        }
        if self.take_if(TokenKind::Minus) {
            let operand = self.deeper(Parser::signed)?;
            let (span, depth) = (start.to(operand.span), operand.depth);
            return self.node(ExprKind::Negate(Box::new(operand)), span, &[depth]);
        }
        let primary = self.primary()?;
        if self.kind() == TokenKind::OpenBracket {
            return self.refuse_index("an index can only stand after a name or a path");
        }
        Ok(primary)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.token(0);
        match token.kind {
            TokenKind::Text => {
                self.take();
                let text = self.unquoted(token.span);
                self.node(ExprKind::Literal(Value::Text(text)), token.span, &[])
            }
            TokenKind::Int | TokenKind::Float => self.number(token),
            TokenKind::Name => match self.constant(token) {
                Some(value) => {
                    self.take();
                    self.node(ExprKind::Literal(value), token.span, &[])
                }
                None => self.named(),
            },
            TokenKind::QuotedName => self.named(),
            TokenKind::OpenParenthesis => {
                self.take();
                let inner = self.expression()?;
                let end = self.expect(TokenKind::CloseParenthesis, "`)`")?;
                Ok(Expr { span: token.span.to(end.span), ..inner })
            }
            TokenKind::OpenBracket => self.list_or_range(),
            TokenKind::OpenBrace => self.map(),
            TokenKind::Keyword(Keyword::Case) => self.deeper(Parser::case),
            TokenKind::Keyword(keyword) if keyword.begins_clause() => self.expected("a value"),
            TokenKind::Keyword(keyword) => {
                let word = self.slice(token.span);
                let message = format!("expected a value, found the reserved word `{word}`");
                let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, token.span.range(), message);
                let next = self.token(1).kind;
                let is_choice = next == TokenKind::OpenParenthesis
                    || (keyword == Keyword::If
                        && !matches!(next, TokenKind::Comma | TokenKind::Keyword(_) | TokenKind::End));
                let help = if keyword == Keyword::As && self.last_kind() == TokenKind::Comma {
                    "take out the `,` before it".to_owned()
                } else if is_choice {
                    "a choice is written `CASE WHEN condition THEN a ELSE b END`".to_owned()
                } else {
                    format!("a field of that name stands in quotes: `\"{word}\"`")
                };
                self.refuse(diagnostic.with_help(help))
            }
            _ => self.expected("a value"),
        }
    }

    /// `true`, `false`, `null`, in any case, where they are no path and no call.
    fn constant(&self, token: Token) -> Option<Value> {
        let follows = self.token(1).kind;
        if matches!(follows, TokenKind::OpenParenthesis | TokenKind::Dot | TokenKind::OpenBracket) {
            return None;
        }
        match self.slice(token.span).to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => None,
        }
    }

    fn number(&mut self, token: Token) -> Parsed<Expr> {
        self.take();
        let digits = self.slice(token.span);
        // `.5` is not JSON's, and neither are leading zeros.
        let text = if digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
        match number_of(&text) {
            Ok(value) => self.node(ExprKind::Literal(value), token.span, &[]),
            Err(_) => {
                let message = "expected an integer of at most 4,096 bits or a float of at most 1.8e308";
                self.refuse(Diagnostic::error(codes::MALFORMED_NUMBER, token.span.range(), message))
            }
        }
    }

    fn list_or_range(&mut self) -> Parsed<Expr> {
        let start = self.take().span;
        let signed = usize::from(matches!(self.kind(), TokenKind::Plus | TokenKind::Minus));
        if self.token(signed).kind == TokenKind::Int && self.token(signed + 1).kind == TokenKind::DotDot {
            let (from, to) = self.bounds()?;
            let span = start.to(self.last_span());
            if to.saturating_sub(from) >= RANGE_LEN_MAX {
                let message = format!("expected a range of at most {RANGE_LEN_MAX} integers");
                return self.refuse(Diagnostic::error(codes::INDEX, span.range(), message));
            }
            return self.node(ExprKind::Range { from, to }, span, &[]);
        }
        let items = self.deeper(|parser| parser.list_until(TokenKind::CloseBracket, "`,` or `]`", true))?;
        let span = start.to(self.last_span());
        let depths: Vec<usize> = items.iter().map(|item| item.depth).collect();
        self.node(ExprKind::List(items), span, &depths)
    }

    /// Expressions up to `end`, which is taken. A comma before it is let pass where `trailing_comma` says so.
    pub(super) fn list_until(&mut self, end: TokenKind, wanted: &str, trailing_comma: bool) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        if self.take_if(end) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.take_if(end) {
                return Ok(items);
            }
            self.expect(TokenKind::Comma, wanted)?;
            if trailing_comma && self.take_if(end) {
                return Ok(items);
            }
        }
    }

    /// `{'k': 1, name: 2}`.
    fn map(&mut self) -> Parsed<Expr> {
        let start = self.take().span;
        let (mut entries, mut depths) = (Vec::new(), Vec::new());
        while self.kind() != TokenKind::CloseBrace {
            let key = self.map_key()?;
            self.expect(TokenKind::Colon, "`:` after the key")?;
            let value = self.expression()?;
            depths.push(value.depth);
            entries.push((key, value));
            if !self.take_if(TokenKind::Comma) {
                break;
            }
        }
        let end = self.expect(TokenKind::CloseBrace, "`,` or `}`")?;
        self.node(ExprKind::Map(entries), start.to(end.span), &depths)
    }

    fn map_key(&mut self) -> Parsed<ByteString> {
        let token = self.token(0);
        let key = match token.kind {
            TokenKind::Text | TokenKind::QuotedName => self.unquoted(token.span),
            TokenKind::Name | TokenKind::Keyword(_) | TokenKind::Int => self.slice(token.span).into(),
            TokenKind::OpenBrace => {
                let message = "expected a key such as `'name'`, found `{`";
                let help = "a path stands as it is: `payload.temp`; `${payload.temp}` is for templates of actions";
                let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, token.span.range(), message);
                return self.refuse(diagnostic.with_help(help));
            }
            _ => return self.expected("a key such as `'name'`"),
        };
        self.take();
        Ok(key)
    }

    fn case(&mut self) -> Parsed<Expr> {
        let start = self.take().span;
        let when = TokenKind::Keyword(Keyword::When);
        let operand = if self.kind() == when || self.kind() == TokenKind::Keyword(Keyword::Else) {
            None
        } else {
            Some(Box::new(self.expression()?))
        };
        let (mut branches, mut depths) = (Vec::new(), Vec::new());
        self.expect_keyword(Keyword::When)?;
        loop {
            let condition = self.expression()?;
            self.expect_keyword(Keyword::Then)?;
            let value = self.expression()?;
            depths.extend([condition.depth, value.depth]);
            branches.push((condition, value));
            self.mend_keyword(&[Keyword::When, Keyword::Else, Keyword::End], AFTER_BRANCH);
            if !self.take_if(when) && !self.take_else_if() {
                break;
            }
        }
        let otherwise = self.take_if(TokenKind::Keyword(Keyword::Else)).then(|| self.expression()).transpose()?;
        self.mend_keyword(&[Keyword::End], AFTER_BRANCH);
        self.expect(TokenKind::Keyword(Keyword::End), AFTER_BRANCH)?;
        depths.extend(operand.iter().map(|expr| expr.depth));
        depths.extend(otherwise.iter().map(|expr| expr.depth));
        let span: Span = start.to(self.last_span());
        self.node(ExprKind::Case { operand, branches, otherwise: otherwise.map(Box::new) }, span, &depths)
    }

    /// `ELSE IF` and `ELSIF`, which are noted and read as the WHEN that they were meant to be.
    fn take_else_if(&mut self) -> bool {
        let count = match (self.kind(), self.token(1).kind) {
            (TokenKind::Keyword(Keyword::Elsif), _) => 1,
            (TokenKind::Keyword(Keyword::Else), TokenKind::Keyword(Keyword::If)) => 2,
            _ => return false,
        };
        let start = self.span();
        self.take_many(count);
        let span = start.to(self.last_span());
        let message = format!("expected {AFTER_BRANCH}, found `{}`", self.slice(span));
        let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, span.range(), message);
        let _noted: Parsed<()> = self.refuse(diagnostic.with_help("another branch begins with `WHEN`"));
        true
    }

    fn take_many(&mut self, count: usize) {
        for _ in 0..count {
            self.take();
        }
    }
}

const fn comparison_of(kind: TokenKind) -> Option<Comparison> {
    Some(match kind {
        TokenKind::Equal => Comparison::Equal,
        TokenKind::NotEqual => Comparison::NotEqual,
        TokenKind::Less => Comparison::Less,
        TokenKind::LessOrEqual => Comparison::LessOrEqual,
        TokenKind::Greater => Comparison::Greater,
        TokenKind::GreaterOrEqual => Comparison::GreaterOrEqual,
        _ => return None,
    })
}
