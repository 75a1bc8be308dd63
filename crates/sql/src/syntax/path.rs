//! Paths: `a.b[1].'c d'[i]`, and what may follow their name: `f(...)`, `a[2..4]`.

use super::ast::{Expr, ExprKind, Path, PathStep};
use super::parser::{Parsed, Parser};
use super::span::Span;
use super::token::TokenKind;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::elsewhere;
use crate::values::path::Place;

/// The module in which functions stand in rules that were written for EMQX: `emqx_rule_funcs.upper('a')`.
pub(super) const FUNCTION_MODULE: &str = "emqx_rule_funcs";

/// The longest path. What walks along paths relies on it.
const STEPS_MAX: usize = 128;

impl Parser<'_> {
    /// What begins with a name: a path, a slice of one, a call.
    pub(super) fn named(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let (path, slice) = self.path_and_slice()?;
        let span = start.to(self.last_span());
        if let Some((from, to)) = slice {
            if matches!(self.kind(), TokenKind::Dot | TokenKind::OpenBracket) {
                return self.refuse_index("expected a slice such as `a[2..4]` to be the end of its path");
            }
            return self.node(ExprKind::Slice { path, from, to }, span, &[]);
        }
        if self.kind() == TokenKind::OpenParenthesis {
            return self.call(&path, span);
        }
        let depth = index_depth(&path);
        self.node(ExprKind::Path(path), span, &[depth])
    }

    /// A path to put a value at: `AS a.b[1]`.
    pub(super) fn target(&mut self) -> Parsed<Path> {
        if !matches!(self.kind(), TokenKind::Name | TokenKind::QuotedName) {
            return self.no_target();
        }
        let start = self.span();
        let (path, slice) = self.path_and_slice()?;
        if slice.is_some() {
            let span = start.to(self.last_span());
            return self.refuse(Diagnostic::error(codes::INDEX, span.range(), "a value cannot be put at a slice"));
        }
        Ok(path)
    }

    fn no_target(&mut self) -> Parsed<Path> {
        let found = self.slice(self.span());
        let (what, name) = match self.kind() {
            TokenKind::Text => ("the text ", self.unquoted(self.span())),
            TokenKind::Keyword(keyword) if !keyword.begins_clause() => ("the reserved word ", found.into()),
            _ => return self.expected("a name for the field"),
        };
        let message = format!("expected a name for the field, found {what}`{found}`");
        let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, self.span().range(), message);
        self.refuse(diagnostic.with_help(format!("such a name stands in double quotes: `\"{name}\"`")))
    }

    fn path_and_slice(&mut self) -> Parsed<(Path, Option<(i64, i64)>)> {
        let root = self.take();
        let quoted = root.kind == TokenKind::QuotedName;
        let name = if quoted { self.unquoted(root.span) } else { self.slice(root.span).into() };
        let mut path = Path { root: name, root_span: root.span, quoted, steps: Vec::new() };
        loop {
            if path.steps.len() > STEPS_MAX {
                let message = format!("expected a path of at most {STEPS_MAX} steps");
                return self.refuse(Diagnostic::error(codes::TOO_DEEP, root.span.range(), message));
            }
            if self.take_if(TokenKind::Dot) {
                let step = self.key_step()?;
                path.steps.push(step);
            } else if self.kind() == TokenKind::OpenBracket {
                match self.index()? {
                    Index::Step(step) => path.steps.push(step),
                    Index::Slice(from, to) => return Ok((path, Some((from, to)))),
                }
            } else {
                return Ok((path, None));
            }
        }
    }

    fn key_step(&mut self) -> Parsed<PathStep> {
        let token = self.token(0);
        let key = match token.kind {
            TokenKind::Name | TokenKind::Int => self.slice(token.span).into(),
            // With a space between, as in `a. FROM "t"`, the step was forgotten.
            TokenKind::Keyword(_) if token.span.start() == self.last_span().end() => self.slice(token.span).into(),
            TokenKind::QuotedName | TokenKind::Text => self.unquoted(token.span),
            TokenKind::OpenBracket => return self.refuse_index("expected no `.` before `[`"),
            _ => return self.expected("a name after `.`"),
        };
        self.take();
        Ok(PathStep::Key(key))
    }

    /// `[` with an index, or with the bounds of a slice.
    fn index(&mut self) -> Parsed<Index> {
        let bracket = self.take().span;
        let signed = usize::from(matches!(self.kind(), TokenKind::Plus | TokenKind::Minus));
        if self.token(signed).kind == TokenKind::Int {
            match self.token(signed + 1).kind {
                TokenKind::CloseBracket => {
                    let (from_end, distance) = (self.kind() == TokenKind::Minus, self.signed_int()?.unsigned_abs());
                    let span = bracket.to(self.take().span);
                    return Ok(Index::Step(PathStep::Place(Place { from_end, distance }, span)));
                }
                TokenKind::DotDot => {
                    let start = self.span();
                    let (from, to) = self.bounds()?;
                    if from == 0 || to == 0 {
                        let span = start.to(self.last_span());
                        let message = "expected the bounds of a slice to count from 1, or from -1 at the end, found 0";
                        return self.refuse(Diagnostic::error(codes::INDEX, span.range(), message));
                    }
                    return Ok(Index::Slice(from, to));
                }
                _ => {}
            }
        }
        if matches!(self.kind(), TokenKind::CloseBracket | TokenKind::Star) {
            let message = "expected an index between `[` and `]`, found none";
            let help = "`FOREACH payload.sensors AS s DO s.temp` goes through all elements";
            return self.refuse(Diagnostic::error(codes::INDEX, self.span().range(), message).with_help(help));
        }
        let index = self.deeper(Parser::expression)?;
        self.expect(TokenKind::CloseBracket, "`]`")?;
        Ok(Index::Step(PathStep::Index(Box::new(index))))
    }

    /// `from..to]`.
    pub(super) fn bounds(&mut self) -> Parsed<(i64, i64)> {
        let from = self.signed_int()?;
        self.expect(TokenKind::DotDot, "`..`")?;
        let to = self.signed_int()?;
        self.expect(TokenKind::CloseBracket, "`]`")?;
        Ok((from, to))
    }

    fn signed_int(&mut self) -> Parsed<i64> {
        let negative = self.kind() == TokenKind::Minus;
        if matches!(self.kind(), TokenKind::Plus | TokenKind::Minus) {
            self.take();
        }
        let token = self.expect(TokenKind::Int, "an integer")?;
        match self.slice(token.span).parse::<i64>() {
            Ok(number) => Ok(if negative { -number } else { number }),
            Err(_) => {
                let message = "expected an index of at most 9223372036854775807";
                self.refuse(Diagnostic::error(codes::MALFORMED_NUMBER, token.span.range(), message))
            }
        }
    }

    fn call(&mut self, path: &Path, name_span: Span) -> Parsed<Expr> {
        let name = match path.steps.as_slice() {
            [PathStep::Key(function)] if path.root == FUNCTION_MODULE => function.to_string(),
            [] => path.root.to_string(),
            _ => self.slice(name_span).to_owned(),
        };
        self.take();
        if self.kind() == TokenKind::Star {
            let diagnostic = Diagnostic::error(
                codes::UNEXPECTED_TOKEN,
                self.span().range(),
                format!("expected an argument of `{name}`, found `*`"),
            );
            return self.refuse(diagnostic.with_help_if(elsewhere::function(&name).map(str::to_owned)));
        }
        let args = self.deeper(|parser| parser.list_until(TokenKind::CloseParenthesis, "`,` or `)`", false));
        if let (Err(_), Some(last)) = (&args, self.diagnostics.last_mut())
            && last.help.is_none()
        {
            // `CAST(a AS int)`.
            last.help = elsewhere::function(&name).map(str::to_owned);
        }
        let args = args?;
        let span = name_span.to(self.last_span());
        let depths: Vec<usize> = args.iter().map(|arg| arg.depth).collect();
        self.node(ExprKind::Call { name, name_span, args }, span, &depths)
    }

    pub(super) fn refuse_index<T>(&mut self, message: &str) -> Parsed<T> {
        self.refuse(Diagnostic::error(codes::INDEX, self.span().range(), message))
    }
}

enum Index {
    Step(PathStep),
    Slice(i64, i64),
}

fn index_depth(path: &Path) -> usize {
    let depths = path.steps.iter().map(|step| match step {
        PathStep::Key(_) | PathStep::Place(_, _) => 0,
        PathStep::Index(index) => index.depth,
    });
    depths.max().unwrap_or(0)
}
