//! What is asked about the table of `table` and `columns`: which columns hold times, and whether `output_id` is unique.

use engine::ActionError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;

/// A table with the columns that an action fills, in their order.
#[derive(Debug)]
pub(super) struct Table {
    database: Option<String>,
    name: String,
    columns: Vec<String>,
}

impl Table {
    /// Reads `events` or `fleet.events`.
    pub(super) fn new(table: &str, columns: &toml::Table) -> Table {
        let (database, name) = match table.split_once('.') {
            Some((database, name)) => (Some(database.to_owned()), name.to_owned()),
            None => (None, table.to_owned()),
        };
        Table { database, name, columns: columns.keys().cloned().collect() }
    }

    /// Which of the columns hold times.
    pub(super) async fn times(&self, connection: &mut MySqlConnection) -> Result<Vec<bool>, sqlx::Error> {
        const SQL: &str = "SELECT COLUMN_NAME FROM information_schema.COLUMNS \
                           WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? \
                           AND DATA_TYPE IN ('datetime', 'timestamp', 'date', 'time')";
        let times = self.names(SQL, connection).await?;
        // Names of columns are the same in any case.
        Ok(self.columns.iter().map(|column| times.iter().any(|time| time.eq_ignore_ascii_case(column))).collect())
    }

    /// Whether repetitions of an output can be told: where `output_id` is written, it has to be unique.
    pub(super) async fn check_unique(
        &self,
        connection: &mut MySqlConnection,
    ) -> Result<Result<(), ActionError>, sqlx::Error> {
        const SQL: &str = "SELECT COLUMN_NAME FROM information_schema.STATISTICS AS part \
                           WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND NON_UNIQUE = 0 \
                           AND NOT EXISTS (SELECT 1 FROM information_schema.STATISTICS AS other \
                             WHERE other.TABLE_SCHEMA = part.TABLE_SCHEMA AND other.TABLE_NAME = part.TABLE_NAME \
                             AND other.INDEX_NAME = part.INDEX_NAME AND other.SEQ_IN_INDEX > 1)";
        if !self.columns.iter().any(|column| column == "output_id") {
            return Ok(Ok(()));
        }
        let unique = self.names(SQL, connection).await?;
        Ok(if unique.iter().any(|column| column.eq_ignore_ascii_case("output_id")) {
            Ok(())
        } else {
            let message = format!("the column `output_id` of `{}` has no unique index", self.name);
            Err(ActionError::new(message)
                .with_help("create one, so that an output that is sent again stands there once"))
        })
    }

    async fn names(&self, sql: &'static str, connection: &mut MySqlConnection) -> Result<Vec<String>, sqlx::Error> {
        let names = sqlx::query_scalar::<_, Vec<u8>>(AssertSqlSafe(sql)).bind(&self.database).bind(&self.name);
        let names = names.fetch_all(connection).await?;
        Ok(names.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()).collect())
    }
}
