//! `/api/v5/events/tail`: events as they happen, as server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use broker::{BusItem, BusReceiver, Gap, Kinds};
use events::{Event, EventType, Kind, Value};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use crate::Api;
use crate::access::Viewer;
use crate::extract::Parameters;
use crate::problem::Problem;

/// Events that wait for one reader; a slower reader gets a `gap` instead of what did not fit.
const QUEUE_LEN: usize = 4096;

/// What of the events is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only events of this client identifier.
    client: Option<String>,
    /// Only these events, separated by commas: `client_connack` or `client.connack` or `$events/client_connack`.
    event: Option<String>,
}

/// Tells events as they happen
///
/// Each as `event: NAME`, `id: EVENT_ID` and one line of JSON, and a `gap` where some are missing, until the caller goes.
#[utoipa::path(get, path = "/api/v5/events/tail", tag = "events", params(Wanted),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String)), security(("bearer" = ["viewer"])))]
pub(crate) async fn tail(
    _viewer: Viewer,
    State(api): State<Api>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Problem> {
    let kinds = wanted.kinds()?;
    let receiver = api.broker.bus().subscribe("tail", kinds, QUEUE_LEN);
    let client = wanted.client;
    let lines = batches(receiver, api.stopping.clone())
        .flat_map(stream::iter)
        .filter_map(move |item| std::future::ready(line_of(&item, client.as_deref())))
        .map(Ok);
    Ok(Sse::new(lines).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

impl Wanted {
    fn kinds(&self) -> Result<Kinds, Problem> {
        let Some(names) = &self.event else { return Ok(Kinds::all()) };
        names.split(',').map(|name| kind_of(name.trim())).collect()
    }
}

fn kind_of(name: &str) -> Result<Kind, Problem> {
    let told = || EventType::all().filter(|event| event.topic.is_some());
    let topic =
        if name.starts_with("$events/") { name.to_owned() } else { format!("$events/{}", name.replacen('.', "_", 1)) };
    EventType::by_topic(&topic).map(|event| event.kind).ok_or_else(|| {
        let names = told().map(|event| event.name).collect::<Vec<_>>().join("`, `");
        Problem::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", format!("there is no event `{name}`"))
            .help(format!("expected one of `{names}`"))
    })
}

/// What the receiver gets, until the bus or the API stops.
fn batches(receiver: BusReceiver, stopping: CancellationToken) -> impl Stream<Item = Vec<BusItem>> {
    stream::unfold((receiver, stopping), |(mut receiver, stopping)| async {
        let batch = tokio::select! {
            batch = receiver.recv_batch() => batch,
            () = stopping.cancelled() => return None,
        };
        (!batch.is_empty()).then_some((batch, (receiver, stopping)))
    })
}

fn line_of(item: &BusItem, client: Option<&str>) -> Option<SseEvent> {
    match item {
        BusItem::Event(event) => {
            if client.is_some_and(|client| client_of(event).as_text() != Some(client)) {
                return None;
            }
            let name = event.kind().event_type().name;
            Some(SseEvent::default().event(name).id(event.head.event_id.to_string()).data(event.to_json()))
        }
        BusItem::Gap(gap) => Some(SseEvent::default().event("gap").data(gap_json(gap))),
    }
}

fn client_of(event: &Event) -> Value {
    event.kind().event_type().field("clientid").map_or(Value::Null, |(id, _)| event.field(id))
}

fn gap_json(gap: &Gap) -> String {
    serde_json::json!({
        "count": gap.count,
        "first_seq": gap.first_seq,
        "last_seq": gap.last_seq,
        "cause": gap.cause.name(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_in_any_spelling() {
        for name in ["client_connack", "client.connack", "$events/client_connack", "$events/client/connack"] {
            assert_eq!(kind_of(name).unwrap(), Kind::ClientConnack, "{name}");
        }
        assert!(kind_of("client_conack").is_err());
    }

    #[test]
    fn only_the_wanted_client_is_told_of_and_gaps_always() {
        let event = BusItem::Event(Event::sample(Kind::ClientConnected).into());
        assert!(line_of(&event, Some("pump-17")).is_some());
        assert!(line_of(&event, Some("pump-18")).is_none());
        let gap = Gap { first_seq: Some(3), last_seq: Some(9), count: 7, cause: broker::GapCause::Overflow };
        assert!(line_of(&BusItem::Gap(gap), Some("pump-18")).is_some());
    }
}
