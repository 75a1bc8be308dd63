//! `/api/v5/clients`: who is there, in EMQX's shape, and the end of a connection.

use std::cmp::Ordering;
use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use broker::ClientInfo;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{KnownFormat, RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, PageLimit, PageNumber, Paging, blocking, fits};
use super::subscriptions::Subscription;
use super::time::{Moment, rfc3339};
use crate::Api;
use crate::access::{Operator, Viewer};
use crate::extract::{Named, Parameters};
use crate::openapi::{one_of, one_of_formats};
use crate::problem::Problem;

/// What `{id}` is.
const CLIENT: &str = "The client identifier";

/// Which clients are wanted. What is not named does not matter.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Which page, from 1 on.
    #[param(inline)]
    page: Option<PageNumber>,
    /// Items on a page.
    #[param(inline)]
    limit: Option<PageLimit>,
    /// What to sort by, `-` in front for the other direction. By `clientid` where nothing is named.
    #[param(schema_with = columns)]
    sort: Option<String>,
    /// The client identifier.
    clientid: Option<String>,
    /// The user name.
    username: Option<String>,
    /// The address it comes from, without the port.
    #[param(schema_with = addresses)]
    ip_address: Option<IpAddr>,
    /// Only those with a connection, or only those without.
    #[param(inline)]
    conn_state: Option<ConnState>,
    /// Whether it connected with a clean start.
    clean_start: Option<bool>,
    /// The version of MQTT: 3 for 3.1, 4 for 3.1.1, 5.
    #[param(inline)]
    proto_ver: Option<ProtoVer>,
    /// The listener it came in by.
    listener: Option<String>,
    /// A part of the identifier.
    like_clientid: Option<String>,
    /// A part of the user name.
    like_username: Option<String>,
    /// Connected from then on; RFC 3339 or ms since 1970.
    #[param(inline)]
    gte_connected_at: Option<Moment>,
    /// Connected until then.
    #[param(inline)]
    lte_connected_at: Option<Moment>,
    /// There is one node, whatever it is called.
    node: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ConnState {
    Connected,
    Idle,
    Disconnected,
}

/// A version of MQTT, by the number it has in CONNECT.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[repr(u8)]
enum ProtoVer {
    #[serde(rename = "3")]
    V31 = 3,
    #[serde(rename = "4")]
    V311 = 4,
    #[serde(rename = "5")]
    V5 = 5,
}

/// A client under EMQX's names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Client {
    clientid: String,
    username: Option<String>,
    proto_name: &'static str,
    proto_ver: u8,
    #[schema(value_type = String)]
    ip_address: IpAddr,
    port: u16,
    listener: String,
    node: String,
    connected: bool,
    connected_at: Option<String>,
    conn_id: u64,
    keepalive: u16,
    clean_start: bool,
    expiry_interval: u32,
    subscriptions_cnt: usize,
    inflight_cnt: usize,
    mqueue_len: usize,
    awaiting_rel_cnt: usize,
    recv_pkt: u64,
    send_pkt: u64,
    recv_oct: u64,
    send_oct: u64,
    last_packet_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert_cn: Option<String>,
}

impl Client {
    fn new(info: &ClientInfo, node: &str) -> Client {
        let connection = info.connection.as_ref();
        let count = |of: fn(&broker::ConnectionInfo) -> u64| connection.map_or(0, of);
        Client {
            clientid: info.client_id.to_string(),
            username: info.username.as_ref().map(ToString::to_string),
            proto_name: info.proto_name,
            proto_ver: info.proto_ver,
            ip_address: info.peername.ip(),
            port: info.peername.port(),
            listener: info.listener.to_string(),
            node: node.to_owned(),
            connected: connection.is_some(),
            connected_at: info.connected_at.map(rfc3339),
            conn_id: info.conn_id.0,
            keepalive: connection.map_or(0, |connection| connection.keepalive_s),
            clean_start: connection.is_some_and(|connection| connection.clean_start),
            expiry_interval: info.expiry_interval_s,
            subscriptions_cnt: info.subscriptions_count,
            inflight_cnt: info.inflight_count,
            mqueue_len: info.queue_len,
            awaiting_rel_cnt: info.awaiting_release_count,
            recv_pkt: count(|connection| connection.packets_received),
            send_pkt: count(|connection| connection.packets_sent),
            recv_oct: count(|connection| connection.bytes_received),
            send_oct: count(|connection| connection.bytes_sent),
            last_packet_at: connection.and_then(|connection| connection.last_packet_at).map(rfc3339),
            cert_cn: info.certificate_name.as_ref().map(ToString::to_string),
        }
    }
}

/// Lists the clients
///
/// Those that are connected, and those that are away and whose session waits for them.
#[utoipa::path(get, path = "/api/v5/clients", tag = "clients", params(Wanted),
    responses((status = 200, description = "A page of clients", body = Page<Client>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn list(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Client>>, Problem> {
    let paging = Paging::new(wanted.page, wanted.limit);
    let order = order_of(wanted.sort.as_deref())?;
    let node = api.node.to_string();
    blocking(move || {
        let mut found = Vec::new();
        api.broker.for_each_client(|info| {
            if wanted.fits(&info) {
                found.push(info);
            }
        });
        found.sort_unstable_by(|one, other| order.compare(one, other));
        Json(paging.cut(&found, |info| Client::new(info, &node)))
    })
    .await
}

/// Shows a client
#[utoipa::path(get, path = "/api/v5/clients/{id}", tag = "clients", params(("id" = String, Path, description = CLIENT)),
    responses((status = 200, description = "The client", body = Client)), security(("bearer" = ["viewer"])))]
pub(crate) async fn show(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Client>, Problem> {
    let info = api.broker.client(&id).ok_or_else(|| not_found(&id))?;
    Ok(Json(Client::new(&info, &api.node)))
}

/// Kicks a client
///
/// Ends its connection; a session without one is ended too.
#[utoipa::path(delete, path = "/api/v5/clients/{id}", tag = "clients", params(("id" = String, Path, description = CLIENT)),
    responses((status = 204, description = "It is kicked")), security(("bearer" = ["operator"])))]
pub(crate) async fn kick(
    Operator(key): Operator,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    if !api.broker.kick(&id) {
        return Err(not_found(&id).help("only clients that are connected can be kicked"));
    }
    tracing::info!(client_id = id, key = &*key.name, "a client is kicked");
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the subscriptions of a client
#[utoipa::path(get, path = "/api/v5/clients/{id}/subscriptions", tag = "clients", params(("id" = String, Path, description = CLIENT)),
    responses((status = 200, description = "All of them", body = Vec<Subscription>)), security(("bearer" = ["viewer"])))]
pub(crate) async fn subscriptions(
    _viewer: Viewer,
    State(api): State<Api>,
    Named(id): Named<String>,
) -> Result<Json<Vec<Subscription>>, Problem> {
    let mut found = api.broker.subscriptions_of(&id).ok_or_else(|| not_found(&id))?;
    found.sort_unstable_by(|one, other| one.filter.as_str().cmp(other.filter.as_str()));
    Ok(Json(found.iter().map(|info| Subscription::new(info, &api.node)).collect()))
}

fn not_found(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "CLIENTID_NOT_FOUND", format!("there is no client `{id}`"))
}

impl Wanted {
    fn fits(&self, info: &ClientInfo) -> bool {
        let username = info.username.as_deref();
        let is_connected = info.connection.is_some();
        let connected_at = info.connected_at.map_or(i64::MIN, |Timestamp(at_ms)| at_ms);
        fits(self.clientid.as_deref(), |wanted| *info.client_id == *wanted)
            && fits(self.username.as_deref(), |wanted| username == Some(wanted))
            && fits(self.ip_address.as_ref(), |wanted| info.peername.ip() == *wanted)
            && fits(self.conn_state.as_ref(), |wanted| is_connected == (*wanted == ConnState::Connected))
            && fits(self.clean_start.as_ref(), |wanted| {
                info.connection.as_ref().is_some_and(|connection| connection.clean_start == *wanted)
            })
            && fits(self.proto_ver.as_ref(), |wanted| info.proto_ver == *wanted as u8)
            && fits(self.listener.as_deref(), |wanted| *info.listener == *wanted)
            && fits(self.like_clientid.as_deref(), |part| info.client_id.contains(part))
            && fits(self.like_username.as_deref(), |part| username.is_some_and(|name| name.contains(part)))
            && fits(self.gte_connected_at.as_ref(), |Moment(from)| connected_at >= *from)
            && fits(self.lte_connected_at.as_ref(), |Moment(to)| connected_at <= *to)
            && fits(self.node.as_deref(), |_one_node| true)
    }
}

type Compare = fn(&ClientInfo, &ClientInfo) -> Ordering;

/// What clients can be sorted by.
const COLUMNS: [(&str, Compare); 9] = [
    ("clientid", |one, other| one.client_id.cmp(&other.client_id)),
    ("username", |one, other| one.username.cmp(&other.username)),
    ("connected_at", |one, other| one.connected_at.cmp(&other.connected_at)),
    ("ip_address", |one, other| one.peername.ip().cmp(&other.peername.ip())),
    ("listener", |one, other| one.listener.cmp(&other.listener)),
    ("subscriptions_cnt", |one, other| one.subscriptions_count.cmp(&other.subscriptions_count)),
    ("mqueue_len", |one, other| one.queue_len.cmp(&other.queue_len)),
    ("recv_oct", |one, other| traffic(one).0.cmp(&traffic(other).0)),
    ("send_oct", |one, other| traffic(one).1.cmp(&traffic(other).1)),
];

fn addresses() -> RefOr<Schema> {
    one_of_formats([KnownFormat::Ipv4, KnownFormat::Ipv6])
}

fn columns() -> RefOr<Schema> {
    one_of(COLUMNS.map(|(column, _)| [column.to_owned(), format!("-{column}")]).into_iter().flatten())
}

fn traffic(info: &ClientInfo) -> (u64, u64) {
    info.connection.as_ref().map_or((0, 0), |connection| (connection.bytes_received, connection.bytes_sent))
}

/// An order of clients. Those that are equal in it are in the order of their identifiers.
#[derive(Clone, Copy, Debug)]
struct Order {
    by: Compare,
    is_descending: bool,
}

impl Order {
    fn compare(self, one: &ClientInfo, other: &ClientInfo) -> Ordering {
        let order = (self.by)(one, other);
        let order = if self.is_descending { order.reverse() } else { order };
        order.then_with(|| one.client_id.cmp(&other.client_id))
    }
}

fn order_of(sort: Option<&str>) -> Result<Order, Problem> {
    let name = sort.unwrap_or("clientid");
    let (name, is_descending) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
    let column = COLUMNS.iter().find(|(column, _)| *column == name);
    column.map(|(_, by)| Order { by: *by, is_descending }).ok_or_else(|| {
        let columns = COLUMNS.map(|(column, _)| format!("`{column}`")).join(", ");
        Problem::bad_request(format!("expected `sort` to name one of {columns}, found `{name}`"))
    })
}
