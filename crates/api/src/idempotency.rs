//! The header `Idempotency-Key`: a repeated request has no second effect.
//!
//! A handler that changes data takes an [`IdempotencyKey`] and passes it on when it submits the job.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};
use campus_backup_domain::job::Idempotency;
use serde::Serialize;
use utoipa::IntoParams;

use crate::problem::ApiError;

/// The header's name (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The caller's key for this request, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(Option<String>);

/// The header in the API's document: goes into `params(..)` of an operation that takes an [`IdempotencyKey`].
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "it is only described")]
pub struct IdempotencyHeader {
    /// A name of your choice for this request, such as a UUID. A repetition with the same key and body has no second effect and
    /// gets the first answer, for at least a day. If the first request failed, nothing was changed, and the repetition runs.
    /// Another body is refused (422).
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    key: Option<String>,
}

impl IdempotencyKey {
    /// The key with the operation's id and the parsed request. `None` without a key.
    ///
    /// # Errors
    /// 422 `invalid_field` if the key is invalid.
    pub fn of(&self, operation: &str, request: &impl Serialize) -> Result<Option<Idempotency>, ApiError> {
        let Some(key) = &self.0 else {
            return Ok(None);
        };
        let request = serde_json::to_value(request).map_err(ApiError::internal)?;
        Ok(Some(Idempotency::new(key, operation, &request)?))
    }

    /// The key alone, for an operation that reads its request later.
    pub fn into_text(self) -> Option<String> {
        self.0
    }
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut sent = request.headers().get_all(IDEMPOTENCY_KEY);
        let first = sent.next();
        ready(match (first, sent.next()) {
            (None, _) => Ok(Self(None)),
            (Some(key), None) => match key.to_str() {
                // The domain checks its form.
                Ok(key) => Ok(Self(Some(key.to_owned()))),
                Err(_) => Err(ApiError::invalid("Idempotency-Key", "must be visible ASCII characters")),
            },
            (Some(_), Some(_)) => Err(ApiError::invalid("Idempotency-Key", "must be sent once")),
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    async fn read(keys: &[&str]) -> Result<Option<Idempotency>, ApiError> {
        let request = keys.iter().fold(TestRequest::post(), |request, key| {
            request.append_header((IDEMPOTENCY_KEY, *key))
        });
        let key = IdempotencyKey::from_request(&request.to_http_request(), &mut Payload::None).await?;
        key.of("clearTable", &json!({"table": "students"}))
    }

    #[actix_web::test]
    async fn invalid_keys_are_refused() {
        for keys in [
            &["a", "b"][..],
            &["a", "a"],
            &[""],
            &["a b"],
            &["ä"],
            &[&*"x".repeat(256)],
        ] {
            let refused = read(keys).await.unwrap_err();
            assert_eq!(refused.problem().status, 422, "{keys:?}");
            assert_eq!(refused.problem().errors[0].field, "Idempotency-Key", "{keys:?}");
        }
    }

    #[actix_web::test]
    async fn key_is_optional() {
        assert_eq!(read(&[]).await.unwrap(), None);
        assert!(read(&["7c1d2a3e"]).await.unwrap().is_some());
    }
}
