//! The SQL of an action: where its parameters stand, and whether its row can be repeated for a batch.
//!
//! `source.rs` says where the parameters get their values, `schema.rs` what a table for the rows of a rule looks like.

mod schema;
mod source;

use std::ops::Range;

use sqlparser::ast::{self, OnConflictAction, OnInsert, SetExpr};
use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token, Tokenizer};

pub use self::schema::table_schema;
pub(crate) use self::source::{Source, StatementOptions};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// That of PostgreSQL.
    Postgres,
    /// That of SQLite.
    Sqlite,
    /// That of MariaDB and MySQL.
    Mysql,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Dialect; 3] = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite];

    /// The kind of connector that speaks it.
    pub const fn kind(self) -> &'static str {
        match self {
            Dialect::Postgres => "postgres",
            Dialect::Sqlite => "sqlite",
            Dialect::Mysql => "mysql",
        }
    }

    /// The number of parameters that a statement can have: the protocols of PostgreSQL and MySQL count them in 16 bits,
    /// SQLite has a limit of its own (`SQLITE_MAX_VARIABLE_NUMBER`).
    const fn parameters_max(self) -> usize {
        match self {
            Dialect::Postgres | Dialect::Mysql => 65_535,
            Dialect::Sqlite => 32_766,
        }
    }

    fn grammar(self) -> &'static dyn Grammar {
        match self {
            Dialect::Postgres => &PostgreSqlDialect {},
            Dialect::Sqlite => &SQLiteDialect {},
            Dialect::Mysql => &MySqlDialect {},
        }
    }

    /// What to do where the parser does not know what the database does.
    const fn help(self) -> Option<&'static str> {
        match self {
            Dialect::Postgres => {
                Some("what is too special can stand in a function of the database: SELECT f(${clientid})")
            }
            Dialect::Sqlite => None,
            Dialect::Mysql => Some("what is too special can stand in a procedure of the database: CALL f(${clientid})"),
        }
    }

    const fn statements(self) -> &'static str {
        match self {
            Dialect::Postgres => "INSERT, UPDATE, DELETE, MERGE, CALL or SELECT",
            Dialect::Sqlite => "INSERT, UPDATE, DELETE or SELECT",
            Dialect::Mysql => "INSERT, REPLACE, UPDATE, DELETE, CALL or SELECT",
        }
    }

    /// How the parameter with this number, from 1, is written.
    fn placeholder(self, number: usize) -> String {
        match self {
            Dialect::Postgres | Dialect::Sqlite => format!("${number}"),
            Dialect::Mysql => "?".to_owned(),
        }
    }

    /// A name as the database takes it as it is.
    fn quoted(self, name: &str) -> String {
        match self {
            Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
            Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        }
    }
}

/// One statement, cut where its parameters stand.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// `INSERT ... VALUES (...)`: `row` is repeated, once per output. A batch is one statement, so it arrives whole or
    /// not at all. (`SELECT * FROM unnest(...)` of PostgreSQL is 5 to 15 % faster for rows of nothing but parameters, and
    /// cannot hold what users write around them.)
    Rows {
        /// Up to the row.
        before: String,
        /// The row with its parentheses, one more piece than parameters.
        row: Vec<String>,
        /// From the row on: `ON CONFLICT`, `RETURNING`.
        after: String,
    },
    /// Any other statement, executed once per output; one more piece than parameters.
    Single {
        /// The text around the parameters.
        pieces: Vec<String>,
    },
}

/// Why a text is no statement of an action.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StatementError {
    /// The parameter it is about, from 0.
    pub(crate) parameter: Option<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

impl Statement {
    /// Analyses the text that stands around the parameters: `["INSERT INTO t VALUES (", ")"]` has one.
    pub(crate) fn parse(pieces: Vec<String>, dialect: Dialect) -> Result<Statement, StatementError> {
        let (text, places) = numbered(&pieces, dialect);
        check_places(&text, &places, dialect)?;
        let parsed = Parser::parse_sql(dialect.grammar(), &text).map_err(|error| StatementError {
            parameter: None,
            message: in_our_words(&error.to_string()),
            help: dialect.help(),
        })?;
        let [statement] = &*parsed else {
            let message = format!("expected one statement, found {}", parsed.len());
            return Err(StatementError { parameter: None, message, help: Some("an action has one statement") });
        };
        check_kind(statement, dialect)?;
        let row = repeatable_row(statement).and_then(|[open, close]| {
            let range = offset_of(&text, open)?..offset_of(&text, close)? + 1;
            places.iter().all(|place| range.start < place.start && place.end < range.end).then_some(range)
        });
        Ok(match row {
            Some(range) => cut_row(&text, &places, &range).unwrap_or(Statement::Single { pieces }),
            None => Statement::Single { pieces },
        })
    }

    /// How many outputs one execution can carry.
    pub(crate) fn rows_max(&self, dialect: Dialect) -> usize {
        match self {
            Statement::Rows { row, .. } => dialect.parameters_max() / (row.len() - 1).max(1),
            Statement::Single { .. } => 1,
        }
    }

    /// The text for `rows` outputs, with placeholders where the parameters stand. `types` says to what each
    /// parameter of an output, sent as text, is cast by the server.
    pub(crate) fn text(&self, rows: usize, types: &[Option<String>], dialect: Dialect) -> String {
        let mut out = String::new();
        let mut next = 1;
        match self {
            Statement::Rows { before, row, after } => {
                out.push_str(before);
                for number in 0..rows {
                    if number > 0 {
                        out.push(',');
                    }
                    push_pieces(&mut out, (row, types), &mut next, dialect);
                }
                out.push_str(after);
            }
            Statement::Single { pieces } => push_pieces(&mut out, (pieces, types), &mut next, dialect),
        }
        out
    }
}

fn push_pieces(out: &mut String, (pieces, types): (&[String], &[Option<String>]), next: &mut usize, dialect: Dialect) {
    let mut pieces = pieces.iter();
    out.extend(pieces.next().map(String::as_str));
    for (at, piece) in pieces.enumerate() {
        match types.get(at).and_then(Option::as_deref) {
            Some(name) => out.push_str(&format!("CAST(CAST({} AS text) AS {name})", dialect.placeholder(*next))),
            None => out.push_str(&dialect.placeholder(*next)),
        }
        *next += 1;
        out.push_str(piece);
    }
}

/// The text with placeholders for its parameters, and where these stand.
fn numbered(pieces: &[String], dialect: Dialect) -> (String, Vec<Range<usize>>) {
    let mut text = String::new();
    let mut places = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            let start = text.len();
            text.push_str(&dialect.placeholder(at));
            places.push(start..text.len());
        }
        text.push_str(piece);
    }
    (text, places)
}

/// Refuses a parameter that the database would not see as one: in quotes, in a comment, or grown together with a word.
fn check_places(text: &str, places: &[Range<usize>], dialect: Dialect) -> Result<(), StatementError> {
    let tokens = Tokenizer::new(dialect.grammar(), text).tokenize_with_location().map_err(|error| StatementError {
        parameter: None,
        message: in_our_words(&error.to_string()),
        help: None,
    })?;
    let mut seen = vec![false; places.len()];
    for token in &tokens {
        let Token::Placeholder(name) = &token.token else { continue };
        let start = offset_of(text, token.span.start);
        match places.iter().position(|place| Some(place.start) == start && place.len() == name.len()) {
            Some(at) => seen[at] = true,
            None if places.iter().any(|place| Some(place.start) == start) => {}
            None => {
                return Err(StatementError {
                    parameter: None,
                    message: format!("`{name}` has no value"),
                    help: Some("write the variable itself, such as `${clientid}`; it becomes a parameter"),
                });
            }
        }
    }
    match seen.iter().position(|seen| !seen) {
        None => Ok(()),
        Some(at) => Err(StatementError {
            parameter: Some(at),
            message: "a variable stands inside quotes, a comment or a word, where it is not a parameter".to_owned(),
            help: Some("write it without quotes; to join it with text write 'text' || ${variable}"),
        }),
    }
}

fn check_kind(statement: &ast::Statement, dialect: Dialect) -> Result<(), StatementError> {
    let allowed = matches!(
        statement,
        ast::Statement::Insert(_)
            | ast::Statement::Update { .. }
            | ast::Statement::Delete(_)
            | ast::Statement::Merge { .. }
            | ast::Statement::Query(_)
            | ast::Statement::Call(_)
    );
    if allowed {
        return Ok(());
    }
    Err(StatementError { parameter: None, message: format!("expected {}", dialect.statements()), help: None })
}

/// The parentheses of the only row of `INSERT ... VALUES (...)`.
///
/// With `ON CONFLICT ... DO UPDATE` a row cannot be repeated: two outputs with the same key in one statement are an
/// error of PostgreSQL (21000), and the second should update what the first has inserted. That is what MySQL does with
/// `ON DUPLICATE KEY UPDATE`.
fn repeatable_row(statement: &ast::Statement) -> Option<[Location; 2]> {
    let ast::Statement::Insert(insert) = statement else { return None };
    if let Some(OnInsert::OnConflict(conflict)) = &insert.on
        && matches!(conflict.action, OnConflictAction::DoUpdate(_))
    {
        return None;
    }
    let SetExpr::Values(values) = &*insert.source.as_deref()?.body else { return None };
    let [row] = &*values.rows else { return None };
    Some([row.opening_token.0.span.start, row.closing_token.0.span.start])
}

fn cut_row(text: &str, places: &[Range<usize>], row: &Range<usize>) -> Option<Statement> {
    let mut pieces = Vec::with_capacity(places.len() + 1);
    let mut from = row.start;
    for place in places {
        pieces.push(text.get(from..place.start)?.to_owned());
        from = place.end;
    }
    pieces.push(text.get(from..row.end)?.to_owned());
    Some(Statement::Rows {
        before: text.get(..row.start)?.to_owned(),
        row: pieces,
        after: text.get(row.end..)?.to_owned(),
    })
}

/// The byte at which a location stands; lines and columns count characters from 1.
fn offset_of(text: &str, location: Location) -> Option<usize> {
    let line = usize::try_from(location.line.checked_sub(1)?).ok()?;
    let column = usize::try_from(location.column.checked_sub(1)?).ok()?;
    let line_start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let line = text.get(line_start..)?;
    line.char_indices().nth(column).map(|(at, _)| line_start + at)
}

/// `sql parser error: Expected: ), found: x at Line: 1, Column: 5`, without what says nothing.
fn in_our_words(error: &str) -> String {
    let message = error.trim_start_matches("sql parser error: ");
    let message = message.replace("Expected: ", "expected ").replace(", found: ", ", found ");
    message.replace(" at Line: ", " at line ").replace(", Column: ", ", column ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `?` stands for a parameter.
    fn parse(text: &str) -> Result<Statement, StatementError> {
        Statement::parse(text.split('?').map(str::to_owned).collect(), Dialect::Postgres)
    }

    fn check_text(text: &str, rows: usize, expected: &str) {
        let statement = parse(text).unwrap();
        assert_eq!(statement.text(rows, &[], Dialect::Postgres), expected);
    }

    #[test]
    fn the_row_of_an_insert_is_repeated() {
        check_text("INSERT INTO t (a, b) VALUES (?, ?)", 1, "INSERT INTO t (a, b) VALUES ($1, $2)");
        check_text("INSERT INTO t (a, b) VALUES (?, ?)", 2, "INSERT INTO t (a, b) VALUES ($1, $2),($3, $4)");
        check_text(
            "insert into \"é\".t\n  (a) values -- ('x')\n (to_timestamp(? / 1000.0), 'a,)(' || ?, now())\n on conflict (a) do nothing",
            2,
            "insert into \"é\".t\n  (a) values -- ('x')\n (to_timestamp($1 / 1000.0), 'a,)(' || $2, now()),\
             (to_timestamp($3 / 1000.0), 'a,)(' || $4, now())\n on conflict (a) do nothing",
        );
        assert_eq!(parse("INSERT INTO t (a, b) VALUES (?, ?)").unwrap().rows_max(Dialect::Postgres), 32_767);
    }

    #[test]
    fn what_cannot_be_repeated_is_executed_once_per_output() {
        for text in [
            "UPDATE devices SET seen = ? WHERE id = ?",
            "SELECT record(?, ?)",
            "INSERT INTO t VALUES (?), (?)",
            "INSERT INTO t SELECT ?",
            "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n",
            "INSERT INTO t (id) VALUES (?) RETURNING id + ?",
            "WITH d AS (SELECT ?) INSERT INTO t SELECT * FROM d",
            "DELETE FROM online WHERE id = ?",
        ] {
            let statement = parse(text).unwrap();
            assert!(matches!(statement, Statement::Single { .. }), "{text}: {statement:?}");
            assert_eq!(statement.rows_max(Dialect::Postgres), 1);
        }
    }

    #[test]
    fn the_row_of_an_insert_into_mysql_is_repeated() {
        let parse = |text: &str| Statement::parse(text.split('@').map(str::to_owned).collect(), Dialect::Mysql);
        for (text, expected) in [
            ("INSERT INTO `t` (a) VALUES (@, '?')", "INSERT INTO `t` (a) VALUES (?, '?'),(?, '?')"),
            ("REPLACE INTO t VALUES (@)", "REPLACE INTO t VALUES (?),(?)"),
            ("INSERT IGNORE INTO t VALUES (@)", "INSERT IGNORE INTO t VALUES (?),(?)"),
            (
                "INSERT INTO t (a, n) VALUES (@, FROM_UNIXTIME(@ / 1000)) ON DUPLICATE KEY UPDATE n = VALUES(n)",
                "INSERT INTO t (a, n) VALUES (?, FROM_UNIXTIME(? / 1000)),(?, FROM_UNIXTIME(? / 1000)) \
                 ON DUPLICATE KEY UPDATE n = VALUES(n)",
            ),
            ("UPDATE t SET a = @", "UPDATE t SET a = ?"),
            ("CALL p(@)", "CALL p(?)"),
        ] {
            assert_eq!(parse(text).unwrap().text(2, &[], Dialect::Mysql), expected);
        }
        assert_eq!(parse("INSERT INTO t VALUES ('@')").unwrap_err().parameter, Some(0));
        assert_eq!(parse("INSERT INTO t VALUES (@, ?)").unwrap_err().message, "`?` has no value");
    }

    #[test]
    fn a_parameter_that_is_sent_as_text_is_cast_in_every_row() {
        let statement = parse("INSERT INTO t VALUES (?, ?)").unwrap();
        assert_eq!(
            statement.text(2, &[None, Some("my.mood".to_owned())], Dialect::Postgres),
            "INSERT INTO t VALUES ($1, CAST(CAST($2 AS text) AS my.mood)),($3, CAST(CAST($4 AS text) AS my.mood))"
        );
    }

    #[test]
    fn a_variable_in_quotes_is_refused_and_named() {
        for (text, parameter) in [
            ("INSERT INTO t VALUES (?, '?')", 1),
            ("INSERT INTO t VALUES ('a ? b', ?)", 0),
            ("INSERT INTO t VALUES ($$ ? $$)", 0),
            ("INSERT INTO \"?\" VALUES (1)", 0),
            ("INSERT INTO t VALUES (1) -- ?", 0),
            ("INSERT INTO t VALUES (x?)", 0),
            ("INSERT INTO t VALUES (?x)", 0),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.parameter, Some(parameter), "{text}: {error:?}");
            assert!(error.help.unwrap().contains("without quotes"));
        }
    }

    #[test]
    fn what_is_no_single_statement_of_data_is_refused() {
        for (text, message) in [
            ("INSERT INTO t (a VALUES (?)", "expected"),
            ("INSERT INTO t VALUES (?); DELETE FROM t", "expected one statement, found 2"),
            ("", "expected one statement, found 0"),
            ("DROP TABLE t", "expected INSERT, UPDATE, DELETE, MERGE, CALL or SELECT"),
            ("INSERT INTO t VALUES ($1)", "`$1` has no value"),
            ("INSERT INTO t VALUES ('", "Unterminated"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error:?}");
        }
    }
}
