//! `/api/v5/listeners`: where clients come in, in EMQX's shape.

use axum::Json;
use axum::extract::{Path, State};
use broker::{ListenerInfo, Rate};
use serde::Serialize;

use crate::Api;
use crate::access::Viewer;
use crate::problem::Problem;

/// A listener under EMQX's names.
#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
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

/// `GET /listeners`.
pub(crate) async fn list(_viewer: Viewer, State(api): State<Api>) -> Json<Vec<Listener>> {
    Json(api.broker.listeners().iter().map(Listener::new).collect())
}

/// `GET /listeners/{id}`: by `<type>:<name>` or by the name alone.
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Listener>, Problem> {
    let listeners = api.broker.listeners();
    let mut found = listeners.iter().map(|info| (info, Listener::new(info)));
    let listener = found.find(|(info, listener)| listener.id == id || *info.name == *id);
    listener.map(|(_, listener)| Json(listener)).ok_or_else(|| Problem::not_found("listener", &id))
}
