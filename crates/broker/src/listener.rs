//! A listener as its connections know it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytestring::ByteString;

use crate::config::ListenerConfig;
use crate::rate::Account;

/// A named listener: its settings, and how much goes on there.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: ByteString,
    pub(crate) config: ListenerConfig,
    /// Connections at the moment, those beyond the limit among them.
    pub(crate) connections_count: AtomicUsize,
    /// What has come from all its clients, against the rates of `config`.
    pub(crate) account: Arc<Account>,
}

impl Listener {
    /// A listener without connections.
    pub(crate) fn new(name: ByteString, config: ListenerConfig) -> Listener {
        Listener { name, config, connections_count: AtomicUsize::new(0), account: Arc::default() }
    }
}
