//! TLS to one server, of connectors that open their connections themselves.

use std::sync::Arc;

use engine::ConfigError;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::address::{Address, Schemes};
use crate::tls::TlsOptions;

/// What it takes to speak TLS to one server.
#[derive(Clone)]
pub(crate) struct ServerTls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl ServerTls {
    /// The TLS of connections to `address`, with the name that the server has to show; none where the url has none.
    pub(crate) fn new(
        options: &TlsOptions<'_>,
        address: &Address,
        schemes: &Schemes,
    ) -> Result<Option<ServerTls>, ConfigError> {
        if !address.is_tls {
            return options.check_unused(schemes.help).map(|()| None);
        }
        let name = ServerName::try_from(address.host.trim_matches(['[', ']']).to_owned())
            .map_err(|error| ConfigError::at(&["url"], format!("`url`: {error}")))?;
        Ok(Some(ServerTls { connector: TlsConnector::from(Arc::new(options.client_config()?)), name }))
    }

    /// Shakes hands.
    pub(crate) async fn connect(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}
