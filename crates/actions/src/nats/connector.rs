//! A server, and what a rule publishes there.

use std::sync::Arc;
use std::time::Duration;

use engine::{
    Action, ActionError, ActionSpec, BoxFuture, ConfigError, ErrorClass, ItemOutcome, Outcome, Output, Preview,
};
use parking_lot::Mutex;

use super::link::{Link, Target};
use super::login::Login;
use super::message::{Message, MessageTemplate};
use super::outcome::{self, Failure};
use super::{KIND, NatsActionOptions, NatsOptions};
use crate::address::{Address, Schemes};
use crate::kind::{Connector, Made};
use crate::options::read;
use crate::server_tls::ServerTls;
use crate::tls::TlsOptions;

const SCHEMES: Schemes = Schemes {
    plain: ("nats", 4_222),
    tls: ("tls", 4_222),
    help: "write `url = \"nats://host:4222\"`, with TLS `tls://host:4222`",
};

/// A server.
pub(super) struct NatsConnector {
    target: Target,
    timeout: Duration,
    /// Connections that no batch uses. There are as many as batches were under way at once.
    idle: Mutex<Vec<Link>>,
}

/// Without what signs in, which is secret.
impl std::fmt::Debug for NatsConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsConnector").field("server", &self.target.address).finish_non_exhaustive()
    }
}

impl NatsConnector {
    /// Reads the options. Nothing is opened yet.
    pub(super) fn new(table: &toml::Table) -> Result<NatsConnector, Vec<ConfigError>> {
        let options: NatsOptions = read(table)?;
        let mut errors = Vec::new();
        for (name, value) in [("connect_timeout_ms", options.connect_timeout_ms), ("timeout_ms", options.timeout_ms)] {
            if value == 0 {
                errors.push(ConfigError::at(&[name], format!("`{name}`: expected at least 1, found 0")));
            }
        }
        match target(&options) {
            Ok(target) if errors.is_empty() => {
                let timeout = Duration::from_millis(options.timeout_ms);
                Ok(NatsConnector { target, timeout, idle: Mutex::new(Vec::new()) })
            }
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(error);
                Err(errors)
            }
        }
    }

    /// A connection that was used a moment ago, else a new one.
    async fn link(&self) -> Result<Link, Failure> {
        let idle = {
            let mut idle = self.idle.lock();
            idle.retain(Link::is_fresh);
            idle.pop()
        };
        match idle {
            Some(link) => Ok(link),
            None => Link::open(&self.target).await,
        }
    }
}

impl Connector for NatsConnector {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn action(self: Arc<Self>, spec: &ActionSpec<'_>) -> Made<Box<dyn Action>> {
        let options: NatsActionOptions = read(spec.options)?;
        let message = MessageTemplate::new(&options, spec)?;
        Ok(Box::new(NatsAction { connector: self, message, jetstream: options.jetstream }))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Link::open(&self.target).await.map(drop).map_err(Failure::into_error) })
    }
}

/// A rule's use of a server.
#[derive(Debug)]
struct NatsAction {
    connector: Arc<NatsConnector>,
    message: MessageTemplate,
    jetstream: bool,
}

impl NatsAction {
    async fn publish(&self, batch: &[Output]) -> Outcome {
        let mut outcomes: Vec<Option<ItemOutcome>> = vec![None; batch.len()];
        let mut messages: Vec<(usize, Message)> = Vec::with_capacity(batch.len());
        for (at, output) in batch.iter().enumerate() {
            match self.message.message(output) {
                Ok(message) => messages.push((at, message)),
                Err(reason) => {
                    outcomes[at] = Some(ItemOutcome::Rejected { class: ErrorClass::Unsendable, reason });
                }
            }
        }
        if messages.is_empty() {
            return Outcome::PerItem(outcomes.into_iter().flatten().collect());
        }
        let Err(failure) = self.publish_all(&messages, &mut outcomes).await else {
            return Outcome::PerItem(outcomes.into_iter().flatten().collect());
        };
        let Failure { class, reason, help: _ } = failure;
        let lost = ItemOutcome::Retry { class, reason, after: None };
        Outcome::PerItem(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| lost.clone())).collect())
    }

    async fn publish_all(
        &self,
        messages: &[(usize, Message)],
        outcomes: &mut [Option<ItemOutcome>],
    ) -> Result<(), Failure> {
        let mut link = self.connector.link().await?;
        let limit = self.connector.timeout;
        let published = tokio::time::timeout(limit, link.publish(messages, self.jetstream, outcomes)).await;
        published.unwrap_or_else(|_| Err(outcome::timed_out("no answer", limit)))?;
        self.connector.idle.lock().push(link);
        Ok(())
    }
}

impl Action for NatsAction {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn send<'a>(&'a self, batch: &'a [Output]) -> BoxFuture<'a, Outcome> {
        Box::pin(self.publish(batch))
    }

    fn preview(&self, output: &Output) -> Preview {
        self.message.preview(output)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        self.connector.check()
    }
}

fn target(options: &NatsOptions) -> Result<Target, ConfigError> {
    let address = Address::read(options.url.as_deref(), &SCHEMES)?.without_path(&SCHEMES)?;
    let tls = TlsOptions {
        ca_pem: options.ca_pem.as_deref(),
        cert_pem: options.cert_pem.as_deref(),
        key_pem: options.key_pem.as_ref(),
    };
    Ok(Target {
        address: format!("{}:{}", address.host, address.port),
        tls: ServerTls::new(&tls, &address, &SCHEMES)?,
        login: Login::new(options)?,
        connect_timeout: Duration::from_millis(options.connect_timeout_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_that_cannot_work_is_refused() {
        for (text, message) in [
            ("", "`url` is missing"),
            ("url = 'nats://x/y'", "`url`: expected nothing behind host and port"),
            ("url = 'http://x'", "`url`: expected `nats` or `tls`, found `http`"),
            ("url = 'nats://x'\nca_pem = 'x'", "`ca_pem`: the `url` has no TLS"),
            ("url = 'nats://x'\npassword = 'p'", "`password` needs a `username`"),
            ("url = 'nats://x'\nusername = 'u'\ntoken = 't'", "expected one of `username` and `token`, found both"),
            ("url = 'nats://x'\nnkey = 'SUhu'", "`nkey`: expected the seed of an NKEY, `SU...`"),
            ("url = 'nats://x'\ncredentials = 'x'", "`credentials`: expected what stands in a credentials file"),
            ("url = 'nats://x'\ntimeout_ms = 0", "`timeout_ms`: expected at least 1, found 0"),
        ] {
            let errors = NatsConnector::new(&text.parse().unwrap()).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{text}: {errors:?}");
        }
    }
}
