//! The clauses: SELECT, FOREACH, DO, INCASE, FROM, WHERE.

use std::ops::Range;

use super::ast::{Expr, Field, Statement, Topic, Verb};
use super::parser::{Noted, Parsed, Parser};
use super::token::{Keyword, TokenKind};
use crate::codes;
use crate::diagnostic::{Diagnostic, alternatives};

/// What may stand behind the topics.
const AFTER_FROM: &str = "`WHERE` or the end of the rule";

/// What is wrong with the grammar of a text.
#[derive(Debug)]
pub(crate) struct Misread {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What could be read all the same, so that its names can be looked at; `None` where that is not worth it.
    pub(crate) statement: Option<Statement>,
    /// The bytes that were passed over; an alias may have been among them.
    pub(crate) skipped: Vec<Range<usize>>,
}

/// The tree of `text`, or everything that is wrong with its grammar.
pub(crate) fn parse(text: &str) -> Result<Statement, Box<Misread>> {
    let mut parser = Parser::new(text);
    // Behind an open quote or comment nothing is what it was meant to be; a text too long was not read.
    if parser
        .diagnostics
        .iter()
        .any(|d| [codes::UNCLOSED_QUOTE, codes::UNCLOSED_COMMENT, codes::TOO_DEEP].contains(&d.code))
    {
        return Err(Box::new(Misread { diagnostics: parser.diagnostics, statement: None, skipped: Vec::new() }));
    }
    let statement = parser.statement();
    if parser.diagnostics.is_empty() {
        return Ok(statement);
    }
    let (diagnostics, skipped) = (parser.diagnostics, parser.skipped);
    Err(Box::new(Misread { diagnostics, statement: Some(statement), skipped }))
}

impl Parser<'_> {
    /// The whole text. A clause that is wrong is noted, and what can be read of it is kept.
    fn statement(&mut self) -> Statement {
        let verb = self.verb().unwrap_or_else(|Noted| {
            self.skip_to(|_| false);
            let begins = matches!(self.kind(), TokenKind::Keyword(Keyword::Select | Keyword::Foreach));
            let verb = begins.then(|| self.verb().ok()).flatten();
            verb.unwrap_or_else(|| Verb::Select(Vec::new()))
        });
        let from = self.from();
        let is_told = from.is_err();
        let from = from.unwrap_or_else(|Noted| {
            self.skip_to(|_| false);
            Vec::new()
        });
        if !is_told {
            self.mend_keyword(&[Keyword::Where], AFTER_FROM);
        }
        let filter = self.clause_condition(Keyword::Where);
        let mut statement = Statement { verb, from, filter };
        self.rest(&mut statement, is_told);
        statement
    }

    /// What stands behind the last clause: nothing, or a mistake. Clauses in the wrong order are told once and read;
    /// `is_told` says that they were, or that what stands before them was passed over.
    fn rest(&mut self, statement: &mut Statement, mut is_told: bool) {
        let has_ended = self.take_if(TokenKind::Semicolon);
        loop {
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Keyword(Keyword::Select | Keyword::Foreach) if has_ended => return self.second_statement(),
                TokenKind::Keyword(keyword) if keyword.begins_clause() => {
                    if !is_told {
                        let _noted: Parsed<()> = self.misplaced(keyword);
                        is_told = true;
                    }
                    self.read_misplaced(keyword, statement);
                }
                TokenKind::Slash | TokenKind::Plus if statement.filter.is_none() && !statement.from.is_empty() => {
                    self.topic_without_quotes(&mut statement.from);
                    is_told = true;
                }
                _ => {
                    let wanted = if statement.filter.is_some() { "the end of the rule" } else { AFTER_FROM };
                    let _noted: Parsed<()> = self.expected(wanted);
                    self.skip_to(|_| false);
                    is_told = true;
                }
            }
        }
    }

    fn read_misplaced(&mut self, keyword: Keyword, statement: &mut Statement) {
        match keyword {
            Keyword::From => {
                let topics = self.from().unwrap_or_default();
                if statement.from.is_empty() {
                    statement.from = topics;
                }
            }
            Keyword::Where => {
                let filter = self.clause_condition(keyword);
                statement.filter = statement.filter.take().or(filter);
            }
            Keyword::Incase => drop(self.clause_condition(keyword)),
            _ => {
                self.take();
                self.fields(&[Keyword::From]);
            }
        }
    }

    /// The condition behind `keyword`, where that stands next.
    fn clause_condition(&mut self, keyword: Keyword) -> Option<Expr> {
        if !self.take_if(TokenKind::Keyword(keyword)) {
            return None;
        }
        let condition = self.expression();
        if condition.is_err() {
            self.skip_to(|_| false);
        }
        condition.ok()
    }

    fn verb(&mut self) -> Parsed<Verb> {
        const VERBS: &str = "`SELECT` or `FOREACH`";
        self.mend_keyword(&[Keyword::Select, Keyword::Foreach], VERBS);
        match self.kind() {
            TokenKind::Keyword(Keyword::Select) => {
                self.take();
                Ok(Verb::Select(self.fields(&[Keyword::From])))
            }
            TokenKind::Keyword(Keyword::Foreach) => {
                self.take();
                let fields = self.fields(&[Keyword::Do, Keyword::Incase, Keyword::From]);
                let each = self
                    .take_if(TokenKind::Keyword(Keyword::Do))
                    .then(|| self.fields(&[Keyword::Incase, Keyword::From]));
                let incase = self.clause_condition(Keyword::Incase);
                Ok(Verb::Foreach { fields, each, incase })
            }
            TokenKind::End => {
                let help = "`SELECT clientid, payload.temp FROM \"plant/#\"`";
                let message = format!("expected {VERBS}, found the end of the rule");
                self.refuse(Diagnostic::error(codes::UNEXPECTED_TOKEN, self.span().range(), message).with_help(help))
            }
            _ => self.expected(VERBS),
        }
    }

    /// Fields up to the next clause, which is one of `next`. A field that is wrong is noted and left out.
    fn fields(&mut self, next: &[Keyword]) -> Vec<Field> {
        let mut fields = Vec::new();
        loop {
            match self.field(next) {
                Ok(field) => fields.push(field),
                Err(Noted) => self.skip_to(|kind| kind == TokenKind::Comma),
            }
            if !self.take_if(TokenKind::Comma) {
                return fields;
            }
        }
    }

    fn field(&mut self, next: &[Keyword]) -> Parsed<Field> {
        if self.take_if(TokenKind::Star) {
            return self.end_of_field(Field::Star(self.last_span()), None, next);
        }
        if matches!(self.kind(), TokenKind::End | TokenKind::Keyword(Keyword::From)) {
            return self.no_field();
        }
        let expr = self.expression()?;
        let explicit = self.take_if(TokenKind::Keyword(Keyword::As));
        let implicit = matches!(self.kind(), TokenKind::Name | TokenKind::QuotedName);
        let name_at = self.taken();
        let target = if explicit || implicit { Some(self.target()?) } else { None };
        self.end_of_field(Field::Item { expr, target }, (implicit && !explicit).then_some(name_at), next)
    }

    /// After a field stands a comma, a clause or the end; anything else is told here, where it stands. A name without AS,
    /// which stands at `name_at`, may have been meant to be the next clause.
    fn end_of_field(&mut self, field: Field, name_at: Option<usize>, next: &[Keyword]) -> Parsed<Field> {
        match self.kind() {
            TokenKind::Comma | TokenKind::End => Ok(field),
            TokenKind::Keyword(keyword) if keyword.begins_clause() => Ok(field),
            TokenKind::Dot | TokenKind::OpenBracket => {
                let found = self.slice(self.span());
                let message = format!("expected `,` or `FROM`, found `{found}`: a path begins with a name");
                let help = "give the value a name before: `json_decode(payload) AS d, d.temp AS temp`";
                let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, self.span().range(), message);
                self.refuse(diagnostic.with_help(help))
            }
            _ => {
                let words: Vec<&str> = std::iter::once(",").chain(next.iter().map(|next| next.word())).collect();
                let wanted = alternatives(&words);
                if self.mend_keyword(next, &wanted) {
                    return Ok(field);
                }
                match (field, name_at) {
                    (Field::Item { expr, .. }, Some(at)) if self.mend_keyword_at(at, next, &wanted) => {
                        Ok(Field::Item { expr, target: None })
                    }
                    (Field::Item { .. } | Field::Star(_), _) => self.expected(&wanted),
                }
            }
        }
    }

    fn no_field<T>(&mut self) -> Parsed<T> {
        let found = if self.kind() == TokenKind::End { "the end of the rule" } else { "`FROM`" };
        let message = format!("expected a field before {found}, found none");
        let help = match self.last_kind() {
            TokenKind::Comma => "take out the `,` before it",
            _ => "`*` is every field of the event",
        };
        self.refuse(Diagnostic::error(codes::UNEXPECTED_TOKEN, self.span().range(), message).with_help(help))
    }

    fn from(&mut self) -> Parsed<Vec<Topic>> {
        self.mend_keyword(&[Keyword::From], "`FROM`");
        match self.kind() {
            TokenKind::Keyword(Keyword::From) => self.take(),
            TokenKind::End => {
                let message =
                    "expected `FROM` with the topics or events the rule listens to, found the end of the rule";
                let help = "`FROM \"$events/client_connack\"` or `FROM \"plant/#\"`";
                let diagnostic = Diagnostic::error(codes::CLAUSE, self.span().range(), message).with_help(help);
                return self.refuse(diagnostic);
            }
            TokenKind::Keyword(keyword) if keyword.begins_clause() => return self.misplaced(keyword),
            _ => return self.expected("`FROM`"),
        };
        let mut topics = Vec::new();
        loop {
            match self.topic() {
                Ok(topic) => topics.push(topic),
                Err(Noted) => self.skip_to(|kind| kind == TokenKind::Comma),
            }
            if !self.take_if(TokenKind::Comma) {
                return Ok(topics);
            }
        }
    }

    fn topic(&mut self) -> Parsed<Topic> {
        let token = self.token(0);
        let text = match token.kind {
            TokenKind::QuotedName | TokenKind::Text => self.unquoted(token.span),
            TokenKind::Name => self.slice(token.span).into(),
            _ => return self.expected("a topic filter or an event in quotes"),
        };
        self.take();
        Ok(Topic { text, span: token.span })
    }

    /// `FROM plant/+/temp`: told as one mistake, with the filter in its quotes, and read as if it had them.
    fn topic_without_quotes(&mut self, from: &mut [Topic]) {
        let at = self.span();
        // `$` is no word of the language, and `$events` begins with it.
        let name_start = self.last_span().start();
        let has_dollar = self.text.get(..name_start).is_some_and(|before| before.ends_with('$'));
        let start = name_start - usize::from(has_dollar);
        self.skip_to(|kind| kind == TokenKind::Comma);
        let written = self.text.get(start..self.span().start()).unwrap_or_default().trim();
        let filter = written.split_whitespace().next().unwrap_or_default();
        if let Some(topic) = from.last_mut() {
            topic.text = filter.into();
        }
        if self.take_if(TokenKind::Comma) {
            self.skip_to(|_| false);
        }
        let end = self.last_span().end().max(at.end());
        // `#` and `$` were noted before, and are the same mistake.
        self.diagnostics.retain(|d| d.code != codes::UNEXPECTED_CHARACTER || !(start..=end).contains(&d.span.start));
        let message = format!("expected {AFTER_FROM}, found `{}`", self.slice(at));
        let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, at.range(), message);
        let _noted: Parsed<()> =
            self.refuse(diagnostic.with_help(format!("a topic filter stands in quotes: `FROM \"{filter}\"`")));
    }

    fn second_statement(&mut self) {
        let message = format!("expected the end of the rule after `;`, found `{}`", self.slice(self.span()));
        let diagnostic = Diagnostic::error(codes::CLAUSE, self.span().range(), message);
        let help = "a rule is one statement; write a second rule";
        let _noted: Parsed<()> = self.refuse(diagnostic.with_help(help));
    }

    fn misplaced<T>(&mut self, keyword: Keyword) -> Parsed<T> {
        let order =
            "the order is `SELECT ... FROM ... WHERE ...` or `FOREACH ... DO ... INCASE ... FROM ... WHERE ...`";
        let message = format!("`{}` may not stand here", keyword.word());
        self.refuse(Diagnostic::error(codes::CLAUSE, self.span().range(), message).with_help(order))
    }
}
