//! Reading a request: its body with [`Body`], its query string with [`Query`].
//!
//! A handler with one of these has a checked value. Every refusal is a problem that names the field: 415 for a content type that is not
//! accepted, 413 and 408 for a body that is too large or too slow, 400 for a body that can't be parsed, 422 for a wrong value.
//!
//! `fields` also refuses, for every type, a repeated name (parsers disagree which one counts) and the NUL character (which database
//! engines treat differently).

mod deserialize;
pub(crate) mod fields;
mod strict_json;

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use campus_backup_domain::plural::counted;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::{ApiError, Code};

/// The type of a body. Derive `Deserialize` with `#[serde(deny_unknown_fields)]` on it.
pub trait RequestBody: DeserializeOwned {
    /// The type for a form, in which every value is a text; `Self` for a body that is JSON only.
    type Form: DeserializeOwned + Into<Self>;

    /// The accepted formats.
    const FORMATS: Formats = Formats::Json;
}

/// The formats of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// `application/json`.
    Json,
    /// `application/json` or `application/x-www-form-urlencoded`.
    JsonAndForm,
}

/// The limits of a body. Application data of the service.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The maximum size in bytes.
    pub size: usize,
    /// The timeout for the whole body.
    pub time: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            size: 65_536,
            time: Duration::from_secs(10),
        }
    }
}

/// A request's checked body.
#[derive(Clone, Debug)]
pub struct Body<T>(pub T);

/// A request's checked query string. Derive `Deserialize` with `#[serde(deny_unknown_fields)]` on its type.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

/// The query string of an operation without parameters. Any parameter is refused.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Form,
}

impl<T: RequestBody> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = request.app_data::<BodyLimits>().copied().unwrap_or_default();
        let checked = format(request, T::FORMATS).and_then(|format| {
            check_declared_length(request, limits)?;
            Ok(format)
        });
        let payload = payload.take();
        Box::pin(async move {
            let format = checked?;
            let collected = tokio::time::timeout(limits.time, collect(payload, limits));
            let body = collected.await.map_err(|_| too_slow(limits))??;
            match format {
                Format::Json => fields::from_json(&body),
                Format::Form => fields::from_form::<T::Form>(&body).map(Into::into),
            }
            .map(Self)
        })
    }
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(fields::from_query(request.query_string()).map(Self))
    }
}

fn format(request: &HttpRequest, formats: Formats) -> Result<Format, ApiError> {
    let form = formats == Formats::JsonAndForm;
    let refuse = || {
        let allowed = match formats {
            Formats::Json => "application/json",
            Formats::JsonAndForm => "application/json or application/x-www-form-urlencoded",
        };
        let detail = match is_multipart(request) {
            true => {
                format!("The body was sent as a multipart form (curl: -F). It must be sent as {allowed} (curl: -d).")
            }
            false => format!("The body must be sent as {allowed}."),
        };
        ApiError::new(Code::UnsupportedMediaType, detail)
            .with_hint("Set the header Content-Type; the character set is UTF-8 and there is no Content-Encoding.")
            .closing()
    };
    let encoded = request.headers().get(CONTENT_ENCODING);
    if encoded.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(refuse());
    }
    let Ok(Some(media_type)) = request.mime_type() else {
        return Err(refuse());
    };
    let charset = media_type.get_param("charset");
    if charset.is_some_and(|charset| charset != "utf-8" && charset != "us-ascii") {
        return Err(refuse());
    }
    match media_type.essence_str() {
        "application/json" => Ok(Format::Json),
        "application/x-www-form-urlencoded" if form => Ok(Format::Form),
        _ => Err(refuse()),
    }
}

/// Whether the body is a multipart form, as browsers send files.
pub(crate) fn is_multipart(request: &HttpRequest) -> bool {
    let media_type = request.mime_type().ok().flatten();
    media_type.is_some_and(|media_type| media_type.type_() == "multipart")
}

fn check_declared_length(request: &HttpRequest, limits: BodyLimits) -> Result<(), ApiError> {
    let declared = request.headers().get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(length) if length > limits.size as u64 => Err(too_large(limits)),
        _ => Ok(()),
    }
}

async fn collect(mut payload: Payload, limits: BodyLimits) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            ApiError::new(Code::MalformedBody, "The body ended early, or its framing is wrong.").closing()
        })?;
        if body.len() + chunk.len() > limits.size {
            return Err(too_large(limits));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large(limits: BodyLimits) -> ApiError {
    let detail = format!("The body may have {} bytes at most.", limits.size);
    ApiError::new(Code::BodyTooLarge, detail).closing()
}

fn too_slow(limits: BodyLimits) -> ApiError {
    let detail = format!(
        "The whole body must arrive within {}.",
        counted(limits.time.as_secs(), "second")
    );
    ApiError::new(Code::RequestTimeout, detail).closing()
}

#[cfg(test)]
mod tests;
