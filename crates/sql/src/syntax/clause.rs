//! The clauses: SELECT, FOREACH, DO, INCASE, FROM, WHERE.

use super::ast::{Field, Statement, Topic, Verb};
use super::parser::{Noted, Parsed, Parser};
use super::token::{Keyword, TokenKind};
use crate::codes;
use crate::diagnostic::Diagnostic;

/// The tree of `text`, or everything that is wrong with its grammar.
pub(crate) fn parse(text: &str) -> Result<Statement, Vec<Diagnostic>> {
    let mut parser = Parser::new(text);
    // Behind an open quote or comment nothing is what it was meant to be; a text too long was not read.
    if parser
        .diagnostics
        .iter()
        .any(|d| [codes::UNCLOSED_QUOTE, codes::UNCLOSED_COMMENT, codes::TOO_DEEP].contains(&d.code))
    {
        return Err(parser.diagnostics);
    }
    let statement = parser.statement();
    match statement {
        Ok(statement) if parser.diagnostics.is_empty() => Ok(statement),
        Ok(_) | Err(Noted) => Err(parser.diagnostics),
    }
}

impl Parser<'_> {
    fn statement(&mut self) -> Parsed<Statement> {
        let verb = self.verb()?;
        let from = self.from()?;
        let filter = self.take_if(TokenKind::Keyword(Keyword::Where)).then(|| self.expression()).transpose()?;
        self.take_if(TokenKind::Semicolon);
        match self.kind() {
            TokenKind::End => Ok(Statement { verb, from, filter }),
            TokenKind::Keyword(keyword) if keyword.begins_clause() => self.misplaced(keyword),
            TokenKind::Slash if filter.is_none() => self.topic_without_quotes(),
            _ if filter.is_some() => self.expected("the end of the rule"),
            _ => self.expected("`WHERE` or the end of the rule"),
        }
    }

    fn verb(&mut self) -> Parsed<Verb> {
        match self.kind() {
            TokenKind::Keyword(Keyword::Select) => {
                self.take();
                Ok(Verb::Select(self.fields()))
            }
            TokenKind::Keyword(Keyword::Foreach) => {
                self.take();
                let fields = self.fields();
                let each = self.take_if(TokenKind::Keyword(Keyword::Do)).then(|| self.fields());
                let incase = self.take_if(TokenKind::Keyword(Keyword::Incase)).then(|| self.expression()).transpose();
                let incase = incase.unwrap_or_else(|Noted| {
                    self.recover();
                    None
                });
                Ok(Verb::Foreach { fields, each, incase })
            }
            _ => self.expected("`SELECT` or `FOREACH`"),
        }
    }

    /// Fields up to the next clause. A field that is wrong is noted and left out.
    fn fields(&mut self) -> Vec<Field> {
        let mut fields = Vec::new();
        loop {
            match self.field() {
                Ok(field) => fields.push(field),
                Err(Noted) => self.recover(),
            }
            if !self.take_if(TokenKind::Comma) {
                return fields;
            }
        }
    }

    fn field(&mut self) -> Parsed<Field> {
        if self.take_if(TokenKind::Star) {
            return self.end_of_field(Field::Star);
        }
        let expr = self.expression()?;
        let explicit = self.take_if(TokenKind::Keyword(Keyword::As));
        let implicit = matches!(self.kind(), TokenKind::Name | TokenKind::QuotedName);
        let target = if explicit || implicit { Some(self.target()?) } else { None };
        self.end_of_field(Field::Item { expr, target })
    }

    /// After a field stands a comma, a clause or the end; anything else is told here, where it stands.
    fn end_of_field(&mut self, field: Field) -> Parsed<Field> {
        match self.kind() {
            TokenKind::Comma | TokenKind::End => Ok(field),
            TokenKind::Keyword(keyword) if keyword.begins_clause() => Ok(field),
            _ => self.expected("`,` or `FROM`"),
        }
    }

    fn from(&mut self) -> Parsed<Vec<Topic>> {
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
            _ => return self.expected("`,` or `FROM`"),
        };
        let mut topics = vec![self.topic()?];
        while self.take_if(TokenKind::Comma) {
            topics.push(self.topic()?);
        }
        Ok(topics)
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

    fn topic_without_quotes<T>(&mut self) -> Parsed<T> {
        let message = "expected `WHERE` or the end of the rule, found `/`";
        let diagnostic = Diagnostic::error(codes::UNEXPECTED_TOKEN, self.span().range(), message);
        self.refuse(diagnostic.with_help("a topic filter stands in quotes: `FROM \"plant/#\"`"))
    }

    fn misplaced<T>(&mut self, keyword: Keyword) -> Parsed<T> {
        let order =
            "the order is `SELECT ... FROM ... WHERE ...` or `FOREACH ... DO ... INCASE ... FROM ... WHERE ...`";
        let message = format!("`{}` may not stand here", keyword.word());
        self.refuse(Diagnostic::error(codes::CLAUSE, self.span().range(), message).with_help(order))
    }
}
