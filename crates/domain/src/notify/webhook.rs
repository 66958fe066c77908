//! Webhooks, signed as the Standard Webhooks specification says (<https://www.standardwebhooks.com>), and pings.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::Sha256;
use url::Url;

use super::causes;
use super::event::{Event, EventKind};
use super::network::{self, LocalTargets};
use crate::error::{Error, Result};

/// How long a request may take.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How many bytes of an answer are read, and how many characters of it are shown.
const MAX_ANSWER: usize = 1_024;
const MAX_SHOWN: usize = 200;

/// The prefix of a secret.
const SECRET_PREFIX: &str = "whsec_";

/// The bytes that a secret can have.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Sends webhooks and pings.
#[derive(Clone, Debug)]
pub(super) struct WebClient {
    /// Made when it is needed first, because that reads all certificates of the system.
    client: Arc<OnceLock<Client>>,
    local: LocalTargets,
}

/// A new random secret.
pub(super) fn new_secret() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)).into()
}

/// Checks the form of a secret: `whsec_` and the base64 of 24 to 64 bytes.
///
/// # Errors
/// [`Error::Invalid`] with the field `secret`.
pub(super) fn check_secret(secret: &SecretString) -> Result<()> {
    match secret_bytes(secret) {
        Some(_) => Ok(()),
        None => Err(Error::Invalid {
            field: "secret",
            problem: "must be `whsec_` and the base64 of 24 to 64 random bytes; without one, the service makes one"
                .to_owned(),
        }),
    }
}

fn secret_bytes(secret: &SecretString) -> Option<Vec<u8>> {
    let encoded = secret.expose_secret().strip_prefix(SECRET_PREFIX)?;
    let bytes = STANDARD.decode(encoded).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then_some(bytes)
}

/// The signature of a request: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
fn signature(secret: &SecretString, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret_bytes(secret)?).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

impl WebClient {
    pub(super) fn new(local: LocalTargets) -> Self {
        Self {
            client: Arc::default(),
            local,
        }
    }

    fn client(&self) -> Result<&Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = network::client(self.local, REQUEST_TIMEOUT);
        let client = client.map_err(|error| format!("The TLS library can't be used: {}.", causes(&error)))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Sends an event, which happened at `at`, to a webhook. The request is signed with the time `now`.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked, as a sentence.
    pub(super) async fn post(
        &self,
        url: &str,
        secret: &SecretString,
        event_id: &str,
        (event, at): (&Event, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        let mut body = json!(event);
        body["timestamp"] = json!(at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let (body, timestamp) = (body.to_string(), now.timestamp());
        let signature =
            signature(secret, event_id, timestamp, &body).ok_or("The secret of the webhook is not valid.")?;
        let request = self
            .client()?
            .post(self.checked(url).await?)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", event_id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        accepted(request.send().await).await
    }

    /// Calls a ping URL: `URL/start`, `URL` or `URL/fail`.
    ///
    /// # Errors
    /// As [`WebClient::post`].
    pub(super) async fn ping(&self, url: &str, kind: EventKind) -> Result<(), String> {
        let mut url = self.checked(url).await?;
        let suffix = match kind {
            EventKind::BackupStarted => Some("start"),
            EventKind::BackupFailed => Some("fail"),
            _ => None,
        };
        if let (Some(suffix), Ok(mut path)) = (suffix, url.path_segments_mut()) {
            path.pop_if_empty().push(suffix);
        }
        accepted(self.client()?.get(url).send().await).await
    }

    /// The URL, if its addresses are allowed now. The resolver of the client checks those of a name once more. An address in
    /// the URL itself needs no resolver.
    async fn checked(&self, url: &str) -> Result<Url, String> {
        let url = network::parse(url).map_err(|error| format!("The address is not valid: {error}."))?;
        network::check(&url, self.local).await.map(|()| url)
    }
}

/// Whether the server has accepted a request. Nothing but the beginning of its answer is read.
async fn accepted(sent: Result<Response, reqwest::Error>) -> Result<(), String> {
    let mut response = sent.map_err(unreachable_server)?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        return Err(format!(
            "The server answered with {}, and redirects are not followed. Enter the address that it redirects to.",
            status.as_u16()
        ));
    }
    let mut answer = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        answer.extend_from_slice(&chunk);
        if answer.len() >= MAX_ANSWER {
            break;
        }
    }
    let answer: String = String::from_utf8_lossy(&answer)
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(MAX_SHOWN)
        .collect();
    Err(match answer.trim() {
        "" => format!("The server answered with {}.", status.as_u16()),
        answer => format!("The server answered with {}: {answer}", status.as_u16()),
    })
}

/// Why a server could not be asked. The URL may have a secret in its path, so it is left out.
fn unreachable_server(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!(
            "The server did not answer within {} seconds.",
            REQUEST_TIMEOUT.as_secs()
        );
    }
    format!("The server could not be asked: {}.", causes(&error.without_url()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn invalid_secrets_are_refused() {
        for secret in ["", "whsec_", "whsec_!", "c2VjcmV0", "whsec_c2VjcmV0"] {
            assert!(
                matches!(
                    check_secret(&secret.into()),
                    Err(Error::Invalid { field: "secret", .. })
                ),
                "{secret}"
            );
        }
        check_secret(&new_secret()).unwrap();
        assert_ne!(new_secret().expose_secret(), new_secret().expose_secret());
    }

    /// The example of the specification's reference libraries.
    #[test]
    fn signature_is_that_of_the_specification() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    /// The check before a request and the connection resolve the name twice, and the answers may differ. So the second one
    /// is checked, too.
    #[tokio::test]
    async fn connection_is_not_made_to_an_address_that_is_refused() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let client = WebClient::new(LocalTargets::Refused);
        let refused = accepted(client.client().unwrap().get(&url).send().await)
            .await
            .unwrap_err();
        assert!(refused.contains("--allow-local-targets"), "{refused}");
        assert!(!refused.contains(&url), "{refused}");
        let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(connected.is_err(), "nothing has connected");
    }
}
