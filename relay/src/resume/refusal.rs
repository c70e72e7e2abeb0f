//! Why a stream is not resumed, as its client is told.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::StoreError;
use crate::errors::ErrorObject;

/// Why there is no rest of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such stream.
    Unknown,
    /// What follows is no longer kept.
    Dropped,
    /// `Last-Event-ID` names no event of the stream.
    OtherEvent,
    /// The store cannot be used now.
    Unavailable,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unknown | StoreError::Exists | StoreError::Over => Self::Unknown,
            StoreError::Dropped | StoreError::WriterLost { .. } => Self::Dropped,
            StoreError::Full | StoreError::Unavailable(_) => Self::Unavailable,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind, code, message) = match self {
            Self::Unknown => (
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                "stream_not_found",
                "there is no such stream, or it was forgotten since it ended: ask anew",
            ),
            Self::Dropped => (
                StatusCode::GONE,
                "invalid_request_error",
                "stream_dropped",
                "what follows that event is no longer kept: ask anew",
            ),
            Self::OtherEvent => (
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                "invalid_last_event_id",
                "Last-Event-ID names no event of this stream: leave it out to read from the start",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "server_error",
                "stream_store_unavailable",
                "the store of streams cannot be used now: try again",
            ),
        };
        let json = HeaderValue::from_static("application/json");
        let body = ErrorObject::new(message, kind, code).nested();
        (status, [(header::CONTENT_TYPE, json)], body).into_response()
    }
}
