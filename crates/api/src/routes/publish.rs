//! `/api/v5/publish` and `/api/v5/publish/bulk`: messages of programs, in EMQX's shape.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::Publication;
use events::MessageId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::access::Operator;
use crate::extract::Body;
use crate::openapi::topic;
use crate::problem::Problem;

/// Messages of one bulk request.
const BULK_LEN_MAX: usize = 10_000;

/// What EMQX answers where nobody was subscribed (MQTT 5, section 2.4).
const NO_MATCHING_SUBSCRIBERS: u8 = 16;

/// A message to be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    /// Where to.
    #[schema(schema_with = topic)]
    topic: String,
    /// The payload, in the encoding below.
    #[serde(default)]
    payload: String,
    /// How the payload is written here.
    #[serde(default)]
    payload_encoding: Encoding,
    /// 0, 1 or 2.
    #[serde(default)]
    #[schema(maximum = 2)]
    qos: u8,
    /// Whether it is kept for later subscribers.
    #[serde(default)]
    retain: bool,
    /// Who is named as its publisher; `api` where nobody is.
    clientid: Option<String>,
    /// Properties of MQTT 5.
    #[serde(default)]
    properties: Properties,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    #[default]
    Plain,
    Base64,
}

/// Properties of MQTT 5 that go with a message.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Properties {
    #[schema(maximum = 1)]
    payload_format_indicator: Option<u8>,
    #[schema(format = "uint32")]
    message_expiry_interval: Option<u32>,
    #[schema(pattern = r"^[^+#\x00]+$")]
    response_topic: Option<String>,
    correlation_data: Option<String>,
    content_type: Option<String>,
    #[serde(default)]
    user_properties: BTreeMap<String, String>,
}

/// What became of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Published {
    Sent { id: String },
    Refused { reason_code: u8, message: String },
}

/// Publishes a message
#[utoipa::path(post, path = "/api/v5/publish", tag = "publish", request_body = Message,
    responses((status = 200, description = "Its identifier", body = Published),
        (status = 202, description = "Nobody was subscribed", body = Published)), security(("bearer" = ["operator"])))]
pub(crate) async fn one(
    Operator(_key): Operator,
    State(api): State<Api>,
    Body(message): Body<Message>,
) -> Result<Response, Problem> {
    let (status, published) = publish(&api, message)?;
    Ok((status, Json(published)).into_response())
}

/// Publishes messages
///
/// In order. A message that is refused does not stop the others.
#[utoipa::path(post, path = "/api/v5/publish/bulk", tag = "publish", request_body = Vec<Message>,
    responses((status = 200, description = "All were published", body = Vec<Published>),
        (status = 202, description = "For some nobody was subscribed", body = Vec<Published>),
        (status = 400, description = "Some were refused, or all because the body does not fit", content(
            (Vec<Published> = "application/json"), (Problem = "application/problem+json")))), security(("bearer" = ["operator"])))]
pub(crate) async fn bulk(
    Operator(_key): Operator,
    State(api): State<Api>,
    Body(messages): Body<Vec<Message>>,
) -> Result<Response, Problem> {
    if messages.len() > BULK_LEN_MAX {
        let found = format!("expected at most {BULK_LEN_MAX} messages, found {}", messages.len());
        return Err(Problem::bad_request(found));
    }
    let mut worst = StatusCode::OK;
    let mut answers = Vec::new();
    for message in messages {
        let (status, published) = publish(&api, message).unwrap_or_else(|problem| {
            let refused = Published::Refused { reason_code: 0x83, message: problem.detail().to_owned() };
            (problem.status(), refused)
        });
        worst = worst.max(status);
        answers.push(published);
    }
    Ok((worst, Json(answers)).into_response())
}

fn publish(api: &Api, message: Message) -> Result<(StatusCode, Published), Problem> {
    let id = MessageId::next(super::time::now());
    let publication = Publication { id: Some(id), ..message.into_publication()? };
    let published = api.broker.publish(&publication).map_err(|refused| Problem::bad_request(refused.to_string()))?;
    if published.receivers_count == 0 && !publication.retain {
        let message = "no_matching_subscribers".to_owned();
        return Ok((StatusCode::ACCEPTED, Published::Refused { reason_code: NO_MATCHING_SUBSCRIBERS, message }));
    }
    Ok((StatusCode::OK, Published::Sent { id: id.to_string() }))
}

impl Message {
    fn into_publication(self) -> Result<Publication, Problem> {
        let payload = match self.payload_encoding {
            Encoding::Plain => self.payload.into_bytes(),
            Encoding::Base64 => decode(&self.payload, "payload")?,
        };
        let client = self.clientid.unwrap_or_else(|| "api".to_owned());
        let mut publication = Publication::new(client, self.topic, payload);
        publication.qos = self.qos.try_into().map_err(|_not_a_qos| {
            Problem::bad_request(format!("expected `qos` to be 0, 1 or 2, found {}", self.qos))
        })?;
        publication.retain = self.retain;
        let wanted = self.properties;
        let mut builder = publication.properties.to_builder();
        match wanted.payload_format_indicator {
            None => {}
            Some(indicator @ (0 | 1)) => builder = builder.payload_format_indicator(indicator == 1),
            Some(other) => {
                let found = format!("expected `payload_format_indicator` to be 0 or 1, found {other}");
                return Err(Problem::bad_request(found));
            }
        }
        if let Some(interval_s) = wanted.message_expiry_interval {
            builder = builder.message_expiry_interval_s(interval_s);
        }
        let too_long = |error| Problem::bad_request(format!("the properties do not fit into a packet: {error}"));
        if let Some(text) = &wanted.content_type {
            builder = builder.content_type(text).map_err(too_long)?;
        }
        if let Some(topic) = &wanted.response_topic {
            if topic.is_empty() || topic.contains(['+', '#', '\0']) {
                // [MQTT-3.3.2-14]
                let found = format!("expected `response_topic` to be a topic without wildcards, found `{topic}`");
                return Err(Problem::bad_request(found));
            }
            builder = builder.response_topic(topic).map_err(too_long)?;
        }
        if let Some(data) = &wanted.correlation_data {
            builder = builder.correlation_data(data.as_bytes()).map_err(too_long)?;
        }
        for (name, value) in &wanted.user_properties {
            builder = builder.user_property(name, value).map_err(too_long)?;
        }
        publication.properties = builder.build();
        Ok(publication)
    }
}

fn decode(text: &str, field: &str) -> Result<Vec<u8>, Problem> {
    STANDARD.decode(text).map_err(|error| Problem::bad_request(format!("expected `{field}` to be base64: {error}")))
}
