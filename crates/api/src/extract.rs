//! What a request says, read or refused with a problem: its query, the variable parts of its path, its body.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The parameters of a query.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Parameters<T>, Problem> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        read.map(|Query(parameters)| Parameters(parameters))
            .map_err(|refused| Problem::bad_request(format!("the query does not fit: {}", cause(&refused))))
    }
}

/// The variable parts of a path.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Named<T>, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Named(named)),
            Err(refused @ PathRejection::FailedToDeserializePathParams(_)) if refused.status().is_client_error() => {
                Err(Problem::bad_request(format!("the path does not fit: {}", cause(&refused))))
            }
            Err(_no_such_parts) => Err(Problem::internal()),
        }
    }
}

/// A body of JSON.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Body(body)),
            Err(refused) => Err(of_json(&refused)),
        }
    }
}

fn of_json(refused: &JsonRejection) -> Problem {
    let status = refused.status();
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let detail = "expected a body of JSON, with `content-type: application/json`";
            Problem::new(status, "UNSUPPORTED_MEDIA_TYPE", detail)
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("expected a body of at most {} MiB, found more", crate::BODY_BYTES_MAX >> 20);
            Problem::new(status, "PAYLOAD_TOO_LARGE", detail)
        }
        StatusCode::UNPROCESSABLE_ENTITY => Problem::bad_request(format!("the body does not fit: {}", cause(refused))),
        _ => Problem::bad_request(format!("the body is not JSON: {}", cause(refused))),
    }
}

/// What it was in the end: the outer errors only say which part of a request it is about.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
