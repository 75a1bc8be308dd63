//! `mysql`: writes outputs into a MariaDB or MySQL database, with the values as parameters of a prepared statement.
//!
//! The statement is read by `crate::statement`; `connector.rs` is what sends, `table.rs` what is asked about the table,
//! `parameter.rs` says how a value becomes a parameter, `outcome.rs` what an error means.

#[cfg(feature = "mysql")]
mod connector;
#[cfg(feature = "mysql")]
mod outcome;
#[cfg(feature = "mysql")]
mod parameter;
#[cfg(feature = "mysql")]
mod table;

use crate::connections::Tls;
use crate::kind::{Kind, Way};
use crate::options::{Options as _, options};
use crate::secret::Secret;

pub(crate) const KIND: Kind = Kind {
    name: "mysql",
    doc: "Writes outputs into a MariaDB or MySQL database. One row that the database refuses does not take its neighbours \
          with it: a batch that is refused is sent again in halves.",
    connector: MysqlOptions::FIELDS,
    action: MysqlActionOptions::FIELDS,
    sample_connector: "url = 'mysql://signalbox@127.0.0.1:9/fleet'\npassword = 'secret'",
    sample_action: "table = 'connacks'\ncolumns = { output_id = '${output_id}', clientid = '${clientid}', at = '${timestamp}' }",
    #[cfg(feature = "mysql")]
    way: Way::Connected(|table| Ok(std::sync::Arc::new(connector::MysqlConnector::new(table)?))),
    #[cfg(not(feature = "mysql"))]
    way: Way::NotBuilt,
};

options! {
    /// A connector of kind `mysql`: a MariaDB or MySQL database and how it is reached.
    struct MysqlOptions {
        /// The address, `mysql://user@host:3306/database`. Required.
        url: Option<Secret> = None,
        /// The password, written as `${env:NAME}` or `${file:/path}`.
        password: Option<Secret> = None,
        /// `disable`, `prefer`, `require`, `verify_ca` or `verify_full`. By default what the url says, else `prefer`.
        tls: Option<Tls> = None,
        /// Certificates of authorities to trust, in PEM, often `${file:/path}`.
        ca_pem: Option<String> = None,
        /// A certificate to show to the server, in PEM.
        cert_pem: Option<String> = None,
        /// The private key of `cert_pem`, in PEM, written as `${file:/path}`.
        key_pem: Option<Secret> = None,
        /// How many connections may be open at once. An action uses one for each batch that is under way; who finds none
        /// waits.
        pool_size: u16 = 4,
        /// How long connecting may take, in ms.
        connect_timeout_ms: u64 = 5_000,
        /// How long a batch may take, in ms. Then the connection is closed and the batch is sent again.
        timeout_ms: u64 = 30_000,
    }
}

options! {
    /// An action of a `mysql` connector: either `sql`, or `table` and `columns`.
    struct MysqlActionOptions {
        /// A statement with variables where parameters stand: `INSERT INTO t (a, at) VALUES (${clientid},
        /// FROM_UNIXTIME(${timestamp} / 1000))`. Variables are not quoted. Booleans are 0 and 1, lists and maps JSON. A
        /// batch of an INSERT with one row of VALUES is sent as one statement with many rows; of any other statement as
        /// one transaction. `INSERT IGNORE` writes what does not fit as well as it can: it is seldom what is wanted.
        sql: Option<String> = None,
        /// The table to insert into, `events` or `fleet.events`.
        table: Option<String> = None,
        /// Which column gets what: `columns = { clientid = "${clientid}", source = "mqtt" }`. In a column of type
        /// `datetime`, `timestamp`, `date` or `time` a number is a time in ms, in UTC. Where a column `output_id` is among
        /// them, an output that is there already is not inserted again; that column needs a unique index.
        columns: toml::Table = toml::Table::new(),
    }
}
