//! The HTTP side of Signalbox: health, metrics, rules, and events as they happen.
//!
//! In: handles of broker and engine, the keys of callers. Out: a server on a listener that the binary has bound.
//!
//! Never: decisions about clients, rules or events. Those are asked of the others.
//!
//! Read `guard.rs` and `access.rs` first: who may ask. Then `routes/`, one resource a file.

mod access;
mod condition;
mod emqx;
mod guard;
mod listener;
mod problem;
mod refused;
mod routes;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auth::Keys;
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
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

/// What the API answers from. Cloning gives another handle of the same.
#[derive(Clone, Debug)]
pub struct Api {
    broker: Broker,
    engine: Engine,
    keys: Keys,
    node: ByteString,
    emqx: Emqx,
    ready: Arc<AtomicBool>,
    stopping: CancellationToken,
}

impl Api {
    /// An API over these; it is not ready before [`Api::set_ready`].
    pub fn new(broker: Broker, engine: Engine, keys: Keys, node: ByteString, emqx: Emqx) -> Api {
        Api { broker, engine, keys, node, emqx, ready: Arc::default(), stopping: CancellationToken::new() }
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
    axum::serve(Limited::new(listener), router(api, hosts)).with_graceful_shutdown(stopping.cancelled_owned()).await
}

/// Every route.
fn router(api: Api, hosts: Hosts) -> Router {
    Router::new()
        .route("/metrics", get(routes::metrics::scrape))
        .route("/api/v5/rules", get(routes::rules::list).post(routes::rule_changes::create))
        .route(
            "/api/v5/rules/{id}",
            get(routes::rules::show).put(routes::rule_changes::replace).delete(routes::rule_changes::remove),
        )
        .route("/api/v5/rules/{id}/metrics", get(routes::rules::metrics))
        .route("/api/v5/rules/{rule}/actions/{action}/{operation}", post(routes::actions::operate))
        .route("/api/v5/rules/{id}/metrics/reset", put(routes::rules::reset_metrics))
        .route("/api/v5/rule_test", post(routes::rule_test::run))
        .route("/api/v5/rule_events", get(routes::rule_events::list))
        .route("/api/v5/connectors", get(routes::connectors::list).post(routes::connectors::refuse))
        .route(
            "/api/v5/connectors/{id}",
            get(routes::connectors::show).put(routes::connectors::refuse).delete(routes::connectors::refuse),
        )
        .route("/api/v5/connectors/{id}/start", post(routes::connectors::start))
        .route("/api/v5/connectors/{id}/enable/{enable}", put(routes::connectors::refuse))
        .route("/api/v5/connectors_probe", post(routes::connectors::probe))
        .route("/api/v5/actions", get(routes::actions::list).post(routes::actions::refuse))
        .route(
            "/api/v5/actions/{id}",
            get(routes::actions::show).put(routes::actions::refuse).delete(routes::actions::refuse),
        )
        .route("/api/v5/actions/{id}/metrics", get(routes::actions::metrics))
        .route("/api/v5/actions/{id}/start", post(routes::actions::start))
        .route("/api/v5/actions/{id}/enable/{enable}", put(routes::actions::refuse))
        .route("/api/v5/actions_probe", post(routes::connectors::probe_action))
        .route("/api/v5/dead_letters", get(routes::dead_letters::list).delete(routes::dead_letters::drop_all))
        .route("/api/v5/dead_letters/replay", post(routes::dead_letters::replay_all))
        .route("/api/v5/dead_letters/export", get(routes::dead_letters::export))
        .route(
            "/api/v5/dead_letters/{id}",
            get(routes::dead_letters::show).put(routes::dead_letters::edit).delete(routes::dead_letters::drop_one),
        )
        .route("/api/v5/dead_letters/{id}/replay", post(routes::dead_letters::replay))
        .route("/api/v5/events/tail", get(routes::events::tail))
        .route("/api/v5/clients", get(routes::clients::list))
        .route("/api/v5/clients/{id}", get(routes::clients::show).delete(routes::clients::kick))
        .route("/api/v5/clients/{id}/subscriptions", get(routes::clients::subscriptions))
        .route("/api/v5/listeners", get(routes::listeners::list))
        .route("/api/v5/listeners/{id}", get(routes::listeners::show))
        .route("/api/v5/banned", get(routes::banned::list).post(routes::banned::add))
        .route("/api/v5/banned/{as}/{who}", delete(routes::banned::remove))
        .route("/api/v5/subscriptions", get(routes::subscriptions::list))
        .route("/api/v5/receivers", get(routes::subscriptions::receivers))
        .route("/api/v5/mqtt/retainer/messages", get(routes::retained::list))
        .route("/api/v5/mqtt/retainer/message/{topic}", get(routes::retained::show).delete(routes::retained::remove))
        .route("/api/v5/publish", post(routes::publish::one))
        .route("/api/v5/publish/bulk", post(routes::publish::bulk))
        .fallback(async |uri: axum::http::Uri| Problem::not_found("resource", uri.path()))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "this resource does not take this method",
            )
        })
        .layer(middleware::from_fn_with_state(hosts, guard::refuse_other_origins))
        .route("/healthz", get(routes::health::live))
        .route("/readyz", get(routes::health::ready))
        .with_state(api)
}
