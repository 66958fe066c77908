//! The identity of a caller: a secret key of age that opens an archive, because the service has none that does.
//!
//! It comes in the member `identity` of a JSON body, or in a header where a request has no such body. It stays in memory: in the
//! [`Operations`] that do the work of this request or of its job. It is never written into a job, a record, or a log, and it is not
//! a part of the request that an idempotency key names.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};
use campus_backup_archive::Keys;
use campus_backup_domain::operations::Operations;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use crate::AppState;
use crate::problem::ApiError;

/// The name of the header.
pub const ARCHIVE_IDENTITY: HeaderName = HeaderName::from_static("x-archive-identity");

/// The most keys of an identity.
const MAX_KEYS: usize = 20;

/// What an identity must be. It completes the sentence "`identity` ...", and never repeats what was sent.
const EXPECTED: &str = "must be a secret key of age (AGE-SECRET-KEY-1...), or several of them, one a line";

/// The secret keys in the body of a request.
#[derive(Clone)]
pub struct ArchiveIdentity(Keys);

impl ArchiveIdentity {
    fn parse(text: &str) -> Option<Self> {
        let keys = Keys::parse(text).ok()?;
        (keys.recipients().public_keys().len() <= MAX_KEYS).then_some(Self(keys))
    }
}

impl<'de> Deserialize<'de> for ArchiveIdentity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = SecretString::deserialize(deserializer)?;
        Self::parse(text.expose_secret()).ok_or_else(|| D::Error::custom(EXPECTED))
    }
}

impl fmt::Debug for ArchiveIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveIdentity(..)")
    }
}

/// The operations for a request with this identity, if it has one.
pub fn operations_with(state: &AppState, identity: Option<&ArchiveIdentity>) -> Operations {
    match identity {
        Some(identity) => state.operations.with_identity(&identity.0),
        None => state.operations.clone(),
    }
}

/// The identity in the header of a request without a JSON body, if there is one.
#[derive(Clone, Debug)]
pub struct IdentityOfHeader(Option<ArchiveIdentity>);

impl IdentityOfHeader {
    /// The operations for this request.
    pub fn operations(&self, state: &AppState) -> Operations {
        operations_with(state, self.0.as_ref())
    }
}

/// The header in the API's document: goes into `params(..)` of an operation that takes an [`IdentityOfHeader`].
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "it is only described")]
pub struct IdentityHeader {
    /// A secret key of age (`AGE-SECRET-KEY-1...`) that opens the archive, if the service has none that does. Several are separated
    /// by commas. It is used for this request alone, in memory, and never stored or logged. Send it over TLS only.
    #[param(
        rename = "X-Archive-Identity",
        required = false,
        format = Password,
        pattern = "^AGE-SECRET-KEY-1[0-9A-Z]+(, ?AGE-SECRET-KEY-1[0-9A-Z]+)*$"
    )]
    identity: Option<String>,
}

impl FromRequest for IdentityOfHeader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut sent = request.headers().get_all(&ARCHIVE_IDENTITY);
        let refused = |problem: &str| Err(ApiError::invalid("X-Archive-Identity", problem));
        ready(match (sent.next(), sent.next()) {
            (None, _) => Ok(Self(None)),
            (Some(_), Some(_)) => refused("must be sent once"),
            (Some(value), None) => {
                let text = value
                    .to_str()
                    .ok()
                    .map(|text| SecretString::from(text.replace(',', "\n")));
                match text.and_then(|text| ArchiveIdentity::parse(text.expose_secret())) {
                    Some(identity) => Ok(Self(Some(identity))),
                    None => refused(
                        "must be a secret key of age (AGE-SECRET-KEY-1...), or several with commas between them",
                    ),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    const KEY: &str = "AGE-SECRET-KEY-1YLFNVQ8DN2JRK68XPU9HJSZCLAZLNNFSQ98509G70AL9GZDF2ECQFAU0FW";

    async fn of_header(values: &[&str]) -> Result<usize, ApiError> {
        let request = values.iter().fold(TestRequest::get(), |request, value| {
            request.append_header((ARCHIVE_IDENTITY, *value))
        });
        let read = IdentityOfHeader::from_request(&request.to_http_request(), &mut Payload::None).await?;
        Ok(read.0.map_or(0, |identity| identity.0.recipients().public_keys().len()))
    }

    #[actix_web::test]
    async fn header_is_optional_and_may_have_several_keys() {
        assert_eq!(of_header(&[]).await.unwrap(), 0);
        assert_eq!(of_header(&[KEY]).await.unwrap(), 1);
        let other = Keys::generate().secret_text();
        let both = format!("{KEY}, {}", other.expose_secret().trim());
        assert_eq!(of_header(&[&both]).await.unwrap(), 2);
    }

    #[actix_web::test]
    async fn invalid_identities_are_refused_and_never_repeated() {
        for values in [
            &["secret"][..],
            &[KEY, KEY],
            &[""],
            &[&KEY[1..]],
            &[&vec![KEY; 21].join(",")],
        ] {
            let refused = of_header(values).await.unwrap_err();
            assert_eq!(refused.problem().errors[0].field, "X-Archive-Identity");
            let said = serde_json::to_string(refused.problem()).unwrap();
            assert!(!said.contains("YLFNVQ8DN2"), "{said}");
        }
        for body in [json!("secret"), json!(""), json!(7), json!(&KEY[1..])] {
            let said = serde_json::from_value::<ArchiveIdentity>(body).unwrap_err().to_string();
            assert!(!said.contains("YLFNVQ8DN2") && !said.contains("secret\""), "{said}");
        }
        let read: ArchiveIdentity = serde_json::from_value(json!(format!("# school\n{KEY}\n"))).unwrap();
        assert!(!format!("{read:?}").contains("AGE-"));
    }
}
