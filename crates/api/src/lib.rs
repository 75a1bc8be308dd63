//! The HTTP side of Signalbox: health, metrics, rules, and events as they happen.
//!
//! In: handles of broker and engine, the keys of callers. Out: a server on a listener that the binary has bound.
//!
//! Never: decisions about clients, rules or events. Those are asked of the others.
//!
//! Read `guard.rs` and `access.rs` first: who may ask. Then `routes/`, one resource a file.

#![expect(unused_qualifications, reason = "the macros of utoipa name whole paths")]

mod access;
mod audit;
mod condition;
mod emqx;
mod extract;
mod guard;
mod listener;
mod openapi;
mod problem;
#[cfg(test)]
mod reference;
mod refused;
mod routes;
mod secrets;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auth::{Audit, Keys};
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::{Router, middleware};
use broker::Broker;
use bytestring::ByteString;
use engine::Engine;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use emqx::{Emqx, Fields};
pub use guard::Hosts;

use listener::Limited;
use problem::Problem;

/// Bytes of the body of a request, at most. A larger one is answered 413.
pub(crate) const BODY_BYTES_MAX: usize = 2 << 20;

/// Who may ask, and where it is written down what they change.
#[derive(Clone, Debug)]
pub struct Callers {
    /// The keys.
    pub keys: Keys,
    /// The audit log.
    pub audit: Audit,
}

/// What the API answers from. Cloning gives another handle of the same.
#[derive(Clone, Debug)]
pub struct Api {
    broker: Broker,
    engine: Engine,
    keys: Keys,
    audit: Audit,
    node: ByteString,
    emqx: Emqx,
    ready: Arc<AtomicBool>,
    stopping: CancellationToken,
}

impl Api {
    /// An API over these; it is not ready before [`Api::set_ready`].
    pub fn new(broker: Broker, engine: Engine, callers: Callers, node: ByteString, emqx: Emqx) -> Api {
        let Callers { keys, audit } = callers;
        Api { broker, engine, keys, audit, node, emqx, ready: Arc::default(), stopping: CancellationToken::new() }
    }

    /// Says whether clients may connect; `/readyz` tells it on.
    pub fn set_ready(&self, is_ready: bool) {
        self.ready.store(is_ready, Ordering::Relaxed);
    }

    /// Ends [`serve`]: what is being answered is answered, live tails are closed.
    pub fn stop(&self) {
        self.set_ready(false);
        self.stopping.cancel();
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

/// Answers on `listener` until [`Api::stop`].
pub async fn serve(listener: TcpListener, api: Api, hosts: Hosts) -> io::Result<()> {
    let stopping = api.stopping.clone();
    let router = router(api, hosts).into_make_service_with_connect_info::<audit::Peer>();
    axum::serve(Limited::new(listener), router).with_graceful_shutdown(stopping.cancelled_owned()).await
}

/// Every route.
fn router(api: Api, hosts: Hosts) -> Router {
    let (guarded, _document) = routes::guarded().split_for_parts();
    let (open, _document) = routes::open().split_for_parts();
    guarded
        .fallback(async |uri: axum::http::Uri| Problem::not_found("resource", uri.path()))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "this resource does not take this method",
            )
        })
        .layer(middleware::from_fn_with_state(api.clone(), audit::write_down))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(hosts, guard::refuse_other_origins))
        .merge(open)
        .with_state(api)
}
