//! The public keys of an identity provider.
//!
//! They are read when first needed, again after an hour, and again when a token names an unknown key. The last happens
//! at most every few seconds: any client can name a key, and must not be able to flood the provider or to delay a new
//! key. If reading fails, the previous keys stay in use.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use url::{Host, Url};

use super::invalid;
use super::token::NOT_VALID;
use crate::error::{Error, Result};

const MAX_AGE: Duration = Duration::from_secs(60 * 60);
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 1024 * 1024;
const DOING: &str = "reading the identity provider's keys";

/// Where a JSON Web Key KeySet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksSource {
    /// In a file.
    File(PathBuf),
    /// At an address of the scheme https, or http on this machine.
    Url(Url),
}

impl JwksSource {
    /// Whether keys may be read from there. An attacker who can change them in transit can impersonate every user.
    ///
    /// # Errors
    /// [`Error::Invalid`]
    pub fn check(&self) -> Result<()> {
        let Self::Url(url) = self else { return Ok(()) };
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        match url.scheme() {
            "https" if !has_user => Ok(()),
            "http" if is_here && !has_user => Ok(()),
            "http" if !has_user => Err(invalid(
                "oidc_jwks",
                "must be https: on the way from another machine anybody could exchange the keys",
            )),
            _ => Err(invalid(
                "oidc_jwks",
                "must be a file, or an address of https or http without a password",
            )),
        }
    }
}

/// The keys of one identity provider.
pub(super) struct ProviderKeys {
    source: KeySource,
    cache: RwLock<Arc<KeyCache>>,
    /// Locked while the keys are being read. The time of the last attempt, except for the first success.
    last_attempt: Mutex<Option<Instant>>,
}

enum KeySource {
    File(PathBuf),
    Url { url: Url, client: reqwest::Client },
}

#[derive(Default)]
struct KeyCache {
    keys: Vec<VerifyingKey>,
    read_at: Option<Instant>,
}

struct VerifyingKey {
    id: Option<String>,
    algorithm: Algorithm,
    decoding: DecodingKey,
}

impl ProviderKeys {
    pub(super) fn new(source: JwksSource) -> Result<Self> {
        source.check()?;
        let source = match source {
            JwksSource::File(path) => KeySource::File(path),
            JwksSource::Url(url) => {
                let client = reqwest::Client::builder()
                    .connect_timeout(REQUEST_TIMEOUT)
                    .timeout(REQUEST_TIMEOUT)
                    // A redirect would mean trusting a second server.
                    .redirect(reqwest::redirect::Policy::none())
                    .build()
                    .map_err(Error::internal(DOING))?;
                KeySource::Url { url, client }
            }
        };
        Ok(Self {
            source,
            cache: RwLock::default(),
            last_attempt: Mutex::default(),
        })
    }

    /// The key that must have signed a token. A token without `kid` is accepted only if there is a single key. The
    /// algorithm must be the one of the key.
    pub(super) async fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Result<DecodingKey> {
        let mut cached = self.cached();
        match cached.read_at.map(|read_at| read_at.elapsed()) {
            None => {
                self.reread(self.last_attempt.lock().await, &cached).await;
                cached = self.cached();
            }
            Some(age) if age > MAX_AGE => {
                // While one request reads the keys, others use the previous ones.
                if let Ok(turn) = self.last_attempt.try_lock() {
                    self.reread(turn, &cached).await;
                    cached = self.cached();
                }
            }
            Some(_) => {}
        }
        if let Some(id) = id
            && cached.read_at.is_some()
            && !cached.keys.iter().any(|key| key.id.as_deref() == Some(id))
        {
            self.reread(self.last_attempt.lock().await, &cached).await;
            cached = self.cached();
        }
        if cached.read_at.is_none() {
            return Err(Error::Unauthenticated("the identity provider's keys can't be read"));
        }
        let candidate = match id {
            Some(id) => cached
                .keys
                .iter()
                .find(|key| key.id.as_deref() == Some(id) && key.algorithm == algorithm),
            None if cached.keys.len() == 1 => cached.keys.first().filter(|key| key.algorithm == algorithm),
            None => None,
        };
        candidate
            .map(|key| key.decoding.clone())
            .ok_or(Error::Unauthenticated(NOT_VALID))
    }

    fn cached(&self) -> Arc<KeyCache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn reread(&self, mut last_attempt: MutexGuard<'_, Option<Instant>>, seen: &Arc<KeyCache>) {
        let done_meanwhile = !Arc::ptr_eq(seen, &self.cached());
        if done_meanwhile || last_attempt.is_some_and(|at| at.elapsed() < RETRY_INTERVAL) {
            return;
        }
        let first = seen.read_at.is_none();
        if !first {
            // Set before reading: a client that disconnects meanwhile must not cause another read.
            *last_attempt = Some(Instant::now());
        }
        match self.source.read().await.and_then(|document| parse(&document)) {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "read the identity provider's keys");
                let read_at = Some(Instant::now());
                *self.cache.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(KeyCache { keys, read_at });
            }
            Err(error) => {
                *last_attempt = Some(Instant::now());
                tracing::warn!(
                    reason = std::error::Error::source(&error).map(tracing::field::display),
                    "the identity provider's keys could not be read"
                );
            }
        }
    }
}

impl KeySource {
    async fn read(&self) -> Result<Vec<u8>> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || read_file(&path))
                    .await
                    .map_err(Error::internal(DOING))?
                    .map_err(Error::io(DOING))
            }
            Self::Url { url, client } => {
                let response = client
                    .get(url.clone())
                    .header("accept", "application/json")
                    .send()
                    .await;
                let mut response = response
                    .and_then(reqwest::Response::error_for_status)
                    .map_err(Error::internal(DOING))?;
                if !response.status().is_success() {
                    return Err(Error::internal(DOING)("the server answered without the keys"));
                }
                let mut document = Vec::new();
                while let Some(chunk) = response.chunk().await.map_err(Error::internal(DOING))? {
                    if document.len() + chunk.len() > MAX_BYTES {
                        return Err(too_large());
                    }
                    document.extend_from_slice(&chunk);
                }
                Ok(document)
            }
        }
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut document = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    std::fs::File::open(path)?.take(limit).read_to_end(&mut document)?;
    Ok(document)
}

fn too_large() -> Error {
    Error::internal(DOING)("they are larger than 1 MiB")
}

/// Uses the keys of supported kinds and ignores the others: a provider may publish unknown kinds (RFC 7517, section 5).
fn parse(document: &[u8]) -> Result<Vec<VerifyingKey>> {
    #[derive(Deserialize)]
    struct KeySet {
        keys: Vec<Value>,
    }
    if document.len() > MAX_BYTES {
        return Err(too_large());
    }
    let set: KeySet = serde_json::from_slice(document).map_err(Error::internal(DOING))?;
    let keys: Vec<VerifyingKey> = set.keys.into_iter().filter_map(usable).collect();
    if keys.is_empty() {
        return Err(Error::internal(DOING)(
            "there is no key for RS256, ES256 or EdDSA among them",
        ));
    }
    Ok(keys)
}

/// The type of the key determines the algorithm. What the key declares must agree with it.
fn usable(key: Value) -> Option<VerifyingKey> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    let (algorithm, named) = match &key.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let common = &key.common;
    let fits = common.key_algorithm.is_none_or(|algorithm| algorithm == named)
        && common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !fits {
        return None;
    }
    Some(VerifyingKey {
        decoding: DecodingKey::from_jwk(&key).ok()?,
        id: key.common.key_id,
        algorithm,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A key set with one key of that id. The key itself is of no account.
    fn publish(path: &Path, id: &str) {
        let key = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": id,
        });
        std::fs::write(path, serde_json::json!({ "keys": [key] }).to_string()).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn new_key_is_read_when_it_is_named_but_not_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        let keys = ProviderKeys::new(JwksSource::File(path.clone())).unwrap();
        let finds = async |id: &str| keys.find(Algorithm::EdDSA, Some(id)).await.is_ok();
        publish(&path, "one");
        assert!(finds("one").await);
        publish(&path, "two");
        assert!(finds("two").await, "at once: it is the first that is not known");
        assert!(!finds("one").await);

        // A client has asked for a key that does not exist; then the provider changes its own.
        publish(&path, "three");
        assert!(!finds("three").await);
        for _ in 0..100 {
            assert!(!finds("made up").await);
        }
        assert!(finds("two").await, "the file was not read again");
        tokio::time::advance(RETRY_INTERVAL).await;
        assert!(finds("three").await, "after seconds");
    }
}
