//! `[listeners.NAME]` with the tables below it: TLS, WebSocket, Unix socket, redirect.

use super::node::{Entry, Node};
use super::options::{HostCertificate, Listener, ListenerKind, Redirect, Tls, UnixSocket, WebSocket};
use super::problem::{Code, Place, Problem};
use super::section::{Declared, Layers, Section as _, join};

/// A listener as it is configured.
#[derive(Debug)]
pub(crate) struct ListenerTables {
    /// What every kind has.
    pub(crate) options: Listener,
    /// What its kind has.
    pub(crate) transport: Transport,
    /// Where its clients are sent instead of being served.
    pub(crate) redirect: Option<Redirect>,
}

/// How clients reach a listener, with what that needs.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Plain TCP.
    Tcp,
    /// TLS.
    Tls(TlsTables),
    /// WebSocket.
    Ws(WebSocket),
    /// WebSocket over TLS.
    Wss(TlsTables, WebSocket),
    /// A socket in the file system.
    Unix(UnixSocket),
}

/// `[listeners.NAME.tls]` with the certificates for certain hosts.
#[derive(Debug)]
pub(crate) struct TlsTables {
    /// The table itself.
    pub(crate) options: Tls,
    /// `[listeners.NAME.tls.certificates.ANY]`.
    pub(crate) certificates: Vec<HostCertificate>,
}

/// The tables that only some kinds have, and the kind that is meant where one stands for another kind.
const TABLES: [(&str, &[ListenerKind], &str); 3] = [
    ("tls", &[ListenerKind::Tls, ListenerKind::Wss], "tls"),
    ("websocket", &[ListenerKind::Ws, ListenerKind::Wss], "ws"),
    ("unix", &[ListenerKind::Unix], "unix"),
];

impl ListenerTables {
    /// Reads the tables of the listener at `path`.
    pub(super) fn read(layers: &mut Layers, path: &str) -> ListenerTables {
        let options: Listener = layers.section(path, &["redirect", "tls", "websocket", "unix"]);
        let table = layers.table_at(path);
        refuse_useless_tables(layers, (path, &table), options.kind);
        let transport = match options.kind {
            ListenerKind::Tcp => Transport::Tcp,
            ListenerKind::Tls => Transport::Tls(read_tls(layers, path)),
            ListenerKind::Ws => Transport::Ws(layers.section(&join(path, "websocket"), &[])),
            ListenerKind::Wss => Transport::Wss(read_tls(layers, path), layers.section(&join(path, "websocket"), &[])),
            ListenerKind::Unix => Transport::Unix(layers.section(&join(path, "unix"), &[])),
        };
        let redirect = table.get("redirect").is_some().then(|| layers.section(&join(path, "redirect"), &[]));
        ListenerTables { options, transport, redirect }
    }

    /// The dotted paths of the options of a listener, for the environment. Those of tables that its kind does not have
    /// are among them and find nobody who reads them.
    pub(super) fn option_paths(path: &str) -> Vec<String> {
        let below = |table: &str, options: &'static [Declared]| -> Vec<String> {
            options.iter().map(|option| join(table, option.key)).collect()
        };
        [
            below(path, Listener::OPTIONS),
            below(&join(path, "tls"), Tls::OPTIONS),
            below(&join(path, "websocket"), WebSocket::OPTIONS),
            below(&join(path, "unix"), UnixSocket::OPTIONS),
        ]
        .concat()
    }
}

fn read_tls(layers: &mut Layers, path: &str) -> TlsTables {
    let path = join(path, "tls");
    let options = layers.section(&path, &["certificates"]);
    let below = join(&path, "certificates");
    let names = layers.names_below(&below);
    let certificates = names.iter().map(|name| layers.section(&join(&below, name), &[])).collect();
    TlsTables { options, certificates }
}

fn refuse_useless_tables(layers: &mut Layers, (path, table): (&str, &Node), kind: ListenerKind) {
    for (name, kinds, meant) in TABLES {
        let Some(Entry { key_span, .. }) = table.get(name).filter(|_| !kinds.contains(&kind)) else { continue };
        let message = format!("a listener of kind `{}` has no `[{path}.{name}]`", kind.word());
        let help = Some(format!("write `kind = \"{meant}\"` in `[{path}]`"));
        layers.problems.push(Problem::at(Code::Unknown, Place::File(key_span.clone()), message).with_help(help));
    }
}
