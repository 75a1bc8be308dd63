//! `/api/v5/listeners`: where clients come in, in EMQX's shape.

use axum::Json;
use axum::extract::State;
use broker::{ListenerInfo, Rate};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::access::Viewer;
use crate::extract::Named;
use crate::problem::Problem;

/// A listener under EMQX's names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listener {
    /// `<type>:<name>`.
    id: String,
    r#type: &'static str,
    name: String,
    bind: String,
    enable: bool,
    running: bool,
    mountpoint: String,
    max_connections: usize,
    current_connections: usize,
    max_conn_rate: String,
    messages_rate: String,
    bytes_rate: String,
    status: Status,
}

/// How a listener is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListenerStatus)]
struct Status {
    running: bool,
    current_connections: usize,
    max_connections: usize,
}

impl Listener {
    fn new(info: &ListenerInfo) -> Listener {
        let rate = |rate: Option<Rate>| rate.map_or_else(|| "infinity".to_owned(), Rate::notation);
        Listener {
            id: format!("{}:{}", info.kind, info.name),
            r#type: info.kind,
            name: info.name.to_string(),
            bind: info.bound.to_string(),
            enable: true,
            running: info.is_running,
            mountpoint: info.mountpoint.clone().unwrap_or_default(),
            max_connections: info.max_connections,
            current_connections: info.connections_count,
            max_conn_rate: rate(info.rates.connects),
            messages_rate: rate(info.rates.messages),
            bytes_rate: rate(info.rates.bytes),
            status: Status {
                running: info.is_running,
                current_connections: info.connections_count,
                max_connections: info.max_connections,
            },
        }
    }
}

/// Lists the listeners
#[utoipa::path(get, path = "/api/v5/listeners", tag = "listeners",
    responses((status = 200, description = "All of them", body = Vec<Listener>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<Listener>> {
    Json(api.broker.listeners().iter().map(Listener::new).collect())
}

/// Shows a listener
#[utoipa::path(get, path = "/api/v5/listeners/{id}", tag = "listeners",
    params(("id" = String, Path, description = "The identifier of the listener, `type:name`, or its name alone")),
    responses((status = 200, description = "The listener", body = Listener)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Listener>, Problem> {
    let listeners = api.broker.listeners();
    let mut found = listeners.iter().map(|info| (info, Listener::new(info)));
    let listener = found.find(|(info, listener)| listener.id == id || *info.name == *id);
    listener.map(|(_, listener)| Json(listener)).ok_or_else(|| Problem::not_found("listener", &id))
}
