//! Passwords: argon2id with the parameters that OWASP asks for at least, and no more than two hashes at a time,
//! because each takes 19 MiB and a core.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::Error as HashError;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

use super::invalid;
use crate::error::{Error, Result};

const AT_A_TIME: usize = 2;
/// How long a request waits for a permit. A longer wait means that the service is being flooded, and a refusal is
/// better.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_BYTES: usize = 1024;
const SHORTEST_CHARACTERS: usize = 12;

/// The hash that is verified when there is no usable one. Its parameters are those of our own hashes, so it costs the
/// same time. Its output is random, so no password matches it.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$6ZzIhBXp1pW1nU6wY3kQ0w$gB0s7mPzv9c5Qe2XyT8uRkV1oJ4hN6dLaFqKiWtZ3xE";

/// 32 characters that are easy to tell apart on a screen: no l, o, 0 or 1.
const ALPHABET: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
const GENERATED_CHARACTERS: usize = 20;

/// Hashes and verifies, two at a time.
pub(super) struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }
}

impl Passwords {
    /// Whether the password matches the stored hash. Without a usable hash the answer is no and takes as long.
    pub(super) async fn matches(&self, password: &SecretString, stored: Option<String>) -> Result<bool> {
        // No user has such a long password, and hashing takes longer the longer it is.
        let too_long = password.expose_secret().len() > LONGEST_BYTES;
        let password = if too_long {
            SecretString::default()
        } else {
            password.clone()
        };
        let stored = stored.filter(|_| !too_long);
        self.run("verifying a password", move || {
            let verdict = stored.and_then(|stored| verify(password.expose_secret(), &stored));
            Ok(verdict.unwrap_or_else(|| {
                verify(password.expose_secret(), DUMMY_HASH);
                false
            }))
        })
        .await
    }

    /// The PHC string of a password.
    pub(super) async fn hash(&self, password: &SecretString) -> Result<String> {
        let password = password.clone();
        self.run("hashing a password", move || {
            Argon2::default()
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(Error::internal("hashing a password"))
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(PERMIT_TIMEOUT, self.permits.clone().acquire_owned()).await;
        let permit = turn
            .map_err(|_| Error::TooManyLogins {
                retry_after: PERMIT_TIMEOUT,
            })?
            .map_err(Error::internal(doing))?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if the request is cancelled.
            let _permit = permit;
            job()
        })
        .await
        .map_err(Error::internal(doing))?
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

/// How a stored hash can be used.
enum StoredHash {
    Usable(Box<PasswordHash>),
    /// A hash that is too expensive to verify.
    TooCostly,
    /// Not a hash of a known kind.
    Unknown,
}

/// Classifies a stored hash. A restore may bring in hashes of another program, so their cost has bounds: a forged one
/// must neither use all memory nor occupy one of the two permits for seconds.
fn judge(stored: &str) -> StoredHash {
    const MOST_MEMORY_KIB: u32 = 256 * 1024;
    /// Memory in KiB times passes, to which the time is proportional: 27 times our own hashes, and well above what other
    /// programs have as their default (64 MiB and 3 or 4 passes).
    const MOST_WORK: u64 = 1024 * 1024;
    const MOST_LANES: u32 = 16;
    let Some((hash, params)) = PasswordHash::new(stored)
        .ok()
        .filter(|hash| hash.salt.is_some() && hash.hash.is_some())
        .and_then(|hash| Params::try_from(&hash).ok().map(|params| (hash, params)))
    else {
        return StoredHash::Unknown;
    };
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    match params.m_cost() <= MOST_MEMORY_KIB && work <= MOST_WORK && params.p_cost() <= MOST_LANES {
        true => StoredHash::Usable(Box::new(hash)),
        false => StoredHash::TooCostly,
    }
}

/// Whether a password can match it.
pub(crate) fn is_usable(stored: &str) -> bool {
    matches!(judge(stored), StoredHash::Usable(_))
}

/// Whether it is a hash that is too expensive to verify, so that its user needs a new password.
pub(crate) fn is_too_costly(stored: &str) -> bool {
    matches!(judge(stored), StoredHash::TooCostly)
}

/// Nothing if the stored hash can't be used.
fn verify(password: &str, stored: &str) -> Option<bool> {
    let StoredHash::Usable(hash) = judge(stored) else {
        return None;
    };
    match Argon2::default().verify_password(password.as_bytes(), hash.as_ref()) {
        Ok(()) => Some(true),
        Err(HashError::PasswordInvalid) => Some(false),
        Err(_) => None,
    }
}

/// A one-time password of 100 random bits.
pub(super) fn generate() -> Result<SecretString> {
    let mut random = [0; GENERATED_CHARACTERS];
    SysRng
        .try_fill_bytes(&mut random)
        .map_err(Error::internal("making a password"))?;
    // 256 is a multiple of 32, so that every character is as likely as every other.
    let characters = random.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    Ok(String::from_iter(characters).into())
}

/// Whether a person may choose this password.
///
/// # Errors
/// [`Error::Invalid`] that says what is missing, never the password.
pub(super) fn check_strength(password: &SecretString, about_the_user: &[&str]) -> Result<()> {
    let password = password.expose_secret();
    if password.chars().count() < SHORTEST_CHARACTERS {
        return Err(invalid(
            "password",
            format!("must have at least {SHORTEST_CHARACTERS} characters"),
        ));
    }
    if password.len() > LONGEST_BYTES {
        return Err(invalid("password", format!("must have at most {LONGEST_BYTES} bytes")));
    }
    let estimate = zxcvbn(password, about_the_user);
    if estimate.score() < Score::Three {
        let warning = estimate.feedback().and_then(|feedback| feedback.warning());
        let reason = warning.map(|warning| format!(" {warning}")).unwrap_or_default();
        return Err(invalid("password", format!("is too easy to guess.{reason}")));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn unusable_hash_matches_no_password() {
        let passwords = Passwords::default();
        let secret = SecretString::from("correct horse battery");
        for stored in [
            None,
            Some(""),
            Some("!"),
            Some("$2b$12$abcdefghijklmnopqrstuuJ8p0mVqkqk0i7m3v8m7pV8K5E5Qz2mO"),
            Some("$argon2id$v=19$m=19456,t=2,p=1"),
            Some("$argon2id$v=19$m=4194304,t=2,p=1$6ZzIhBXp1pW1nU6wY3kQ0w$gB0s7mPzv9c5Qe2XyT8uRkV1oJ4hN6dLaFqKiWtZ3xE"),
            Some(DUMMY_HASH),
        ] {
            let matches = passwords.matches(&secret, stored.map(str::to_owned)).await.unwrap();
            assert!(!matches, "{stored:?}");
        }
    }

    #[tokio::test]
    async fn only_the_password_itself_matches_its_hash() {
        let passwords = Passwords::default();
        let stored = passwords.hash(&"correct horse battery".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        for (password, expected) in [
            ("", false),
            ("correct horse batterz", false),
            (&"x".repeat(5000), false),
            ("correct horse battery", true),
        ] {
            let matches = passwords.matches(&password.into(), Some(stored.clone())).await.unwrap();
            assert_eq!(matches, expected);
        }
    }

    #[test]
    fn hashes_that_cost_too_much_are_not_verified() {
        let with = |parameters: &str| DUMMY_HASH.replace("m=19456,t=2,p=1", parameters);
        for usual in [
            "m=19456,t=2,p=1",
            "m=65536,t=4,p=1",
            "m=65536,t=3,p=4",
            "m=47104,t=1,p=1",
            "m=262144,t=4,p=1",
        ] {
            assert!(is_usable(&with(usual)) && !is_too_costly(&with(usual)), "{usual}");
        }
        for costly in [
            "m=262144,t=16,p=1",
            "m=262144,t=5,p=1",
            "m=1048576,t=1,p=1",
            "m=8,t=4294967295,p=1",
            "m=65536,t=1,p=17",
        ] {
            assert!(!is_usable(&with(costly)) && is_too_costly(&with(costly)), "{costly}");
            assert_eq!(verify("anything", &with(costly)), None, "{costly}");
        }
        for none in ["", "!", "$2b$12$abcdefghijklmnopqrstuuJ8p0mVqkqk0i7m3v8m7pV8K5E5Qz2mO"] {
            assert!(!is_usable(none) && !is_too_costly(none), "{none}");
        }
    }

    #[test]
    fn dummy_hash_costs_as_much_as_a_real_one() {
        let dummy = PasswordHash::new(DUMMY_HASH).unwrap();
        let real = Argon2::default().hash_password(b"anything").unwrap();
        assert_eq!(dummy.params, real.params);
        assert_eq!(dummy.algorithm, real.algorithm);
        assert_eq!(dummy.salt.unwrap().len(), real.salt.unwrap().len());
        assert_eq!(dummy.hash.unwrap().len(), real.hash.unwrap().len());
        assert_eq!(verify("anything", DUMMY_HASH), Some(false));
    }

    #[test]
    fn weak_passwords_are_refused_without_being_repeated() {
        for (weak, reason) in [
            ("short", "at least 12"),
            ("ünïcödé", "at least 12"),
            ("password1234", "easy to guess"),
            ("aaaaaaaaaaaaaaaaaaaa", "easy to guess"),
            ("margaret.hamilton", "easy to guess"),
            (&"kx7".repeat(400), "at most 1024"),
        ] {
            let refusal = check_strength(&weak.into(), &["margaret.hamilton"])
                .unwrap_err()
                .to_string();
            assert!(refusal.contains(reason), "{refusal}");
            assert!(!refusal.contains(weak), "{refusal}");
        }
        check_strength(&"tulip-anvil-94-crater".into(), &["margaret.hamilton"]).unwrap();
    }

    #[test]
    fn generated_passwords_differ_and_are_strong() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!(one.expose_secret().len(), 20);
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(one.expose_secret().bytes().all(|byte| ALPHABET.contains(&byte)));
        check_strength(&one, &["admin"]).unwrap();
    }
}
