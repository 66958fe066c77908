//! The keys that archives are encrypted with, and those that open them.

use std::fmt;
use std::iter;

use age::{DecryptError, x25519};
use age_core::format::{FileKey, Stanza};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::error::KeyKind;

/// The most public keys of an archive. A reader accepts some 80, because the header of age has about 100 bytes for each.
pub const MAX_RECIPIENTS: usize = 50;

/// How many bytes of the digest a [fingerprint](KeyFingerprint) has.
const FINGERPRINT_BYTES: usize = 16;

/// The keys that open encrypted archives. `Debug` shows only their number.
#[derive(Clone, Default)]
pub struct Keys {
    identities: Vec<x25519::Identity>,
    passphrases: Vec<SecretString>,
}

/// The recipients that archives are encrypted to. Each of them can open the archive.
#[derive(Clone, Default)]
pub struct Recipients {
    keys: Vec<x25519::Recipient>,
    passphrase: Option<(SecretString, u8)>,
}

/// Why a text of keys was refused. It never contains the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither a secret key nor a comment.
    #[error("line {line} is not a secret key of age (AGE-SECRET-KEY-1...)")]
    NoIdentity {
        /// The line, from 1.
        line: usize,
    },
    /// Neither a public key nor a comment.
    #[error("line {line} is not a public key of age (age1...)")]
    NoRecipient {
        /// The line, from 1.
        line: usize,
    },
    /// Not one key.
    #[error("there is no key in it")]
    Empty,
}

/// The fingerprint of a public key: the first 16 bytes of the SHA-256 of its text (`age1...`), as eight groups of four
/// hexadecimal digits. It names a key on paper and in manifests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyFingerprint(String);

impl KeyFingerprint {
    fn of(recipient: &x25519::Recipient) -> Self {
        let digest = hex::encode(&Sha256::digest(recipient.to_string())[..FINGERPRINT_BYTES]);
        let groups: Vec<&str> = (0..digest.len() / 4).map(|group| &digest[4 * group..][..4]).collect();
        Self(groups.join("-"))
    }

    /// The fingerprint as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<KeyFingerprint> for String {
    fn from(fingerprint: KeyFingerprint) -> Self {
        fingerprint.0
    }
}

/// A public key and its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its text, `age1...`.
    pub recipient: String,
    /// Its fingerprint.
    pub fingerprint: KeyFingerprint,
}

impl Keys {
    /// No key, which is enough for archives without encryption.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads secret keys as `age-keygen` writes them: one a line, empty lines and comments (`#`) allowed.
    ///
    /// # Errors
    ///
    /// If a line is neither, or if there is no key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ok(Self {
            identities: parse(text, |line| KeyError::NoIdentity { line })?,
            passphrases: Vec::new(),
        })
    }

    /// Makes a new secret key.
    pub fn generate() -> Self {
        Self {
            identities: vec![x25519::Identity::generate()],
            passphrases: Vec::new(),
        }
    }

    /// Adds a passphrase. Each passphrase that does not fit costs a second and 256 MiB.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: SecretString) -> Self {
        self.passphrases.push(passphrase);
        self
    }

    /// Adds the keys of another.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.identities.extend_from_slice(&other.identities);
        self.passphrases.extend_from_slice(&other.passphrases);
        self
    }

    /// Whether there is no key and no passphrase.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.passphrases.is_empty()
    }

    /// The public keys that belong to the secret ones.
    pub fn recipients(&self) -> Recipients {
        Recipients {
            keys: self.identities.iter().map(x25519::Identity::to_public).collect(),
            passphrase: None,
        }
    }

    /// The secret keys as text, one a line; passphrases are left out.
    pub fn secret_text(&self) -> SecretString {
        let lines = self.identities.iter().map(|identity| identity.to_string());
        let text: String = lines
            .flat_map(|line| [line.expose_secret().to_owned(), "\n".to_owned()])
            .collect();
        SecretString::from(text)
    }

    pub(super) fn has(&self, kind: KeyKind) -> bool {
        match kind {
            KeyKind::Identity => !self.identities.is_empty(),
            KeyKind::Passphrase => !self.passphrases.is_empty(),
        }
    }

    pub(super) fn identities(&self, work_factor: u8) -> Vec<Box<dyn age::Identity + '_>> {
        let keys = self.identities.iter().cloned();
        let passphrases = Passphrases {
            passphrases: &self.passphrases,
            work_factor,
        };
        keys.map(|key| Box::new(key) as Box<dyn age::Identity>)
            .chain(iter::once(Box::new(passphrases) as _))
            .collect()
    }
}

impl Recipients {
    /// No recipients: nothing is encrypted.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads public keys (`age1...`): one a line, empty lines and comments (`#`) allowed.
    ///
    /// # Errors
    ///
    /// If a line is neither, or if there is no key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ok(Self {
            keys: parse(text, |line| KeyError::NoRecipient { line })?,
            passphrase: None,
        })
    }

    /// A passphrase. Writing and reading each take a second and 256 MiB, as with `age`.
    pub fn passphrase(passphrase: SecretString) -> Self {
        Self {
            keys: Vec::new(),
            passphrase: Some((passphrase, 18)),
        }
    }

    /// Sets the cost of a passphrase, `2^work_factor`, 10 to 22. Only tests should use less than 18. Archives beyond
    /// [`Limits::work_factor`](crate::Limits::work_factor) are not read.
    #[must_use]
    pub fn with_work_factor(mut self, work_factor: u8) -> Self {
        if let Some((_, factor)) = &mut self.passphrase {
            *factor = work_factor.clamp(10, 22);
        }
        self
    }

    /// Adds the public keys of another. A key that is there already is not added again.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for key in &other.keys {
            if !self.has(key) {
                self.keys.push(key.clone());
            }
        }
        self
    }

    /// Whether nothing is encrypted.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.passphrase.is_none()
    }

    /// The public keys with their fingerprints, in the order in which they were given.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        let keys = self.keys.iter().map(|key| PublicKey {
            recipient: key.to_string(),
            fingerprint: KeyFingerprint::of(key),
        });
        keys.collect()
    }

    /// Whether one of these secret keys opens what is encrypted to the public keys.
    pub fn are_opened_by(&self, keys: &Keys) -> bool {
        keys.identities.iter().any(|identity| self.has(&identity.to_public()))
    }

    fn has(&self, key: &x25519::Recipient) -> bool {
        let text = key.to_string();
        self.keys.iter().any(|one| one.to_string() == text)
    }

    pub(super) fn boxed(&self) -> Vec<Box<dyn age::Recipient>> {
        if let Some((passphrase, work_factor)) = &self.passphrase {
            let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
            recipient.set_work_factor(*work_factor);
            return vec![Box::new(recipient)];
        }
        self.keys.iter().cloned().map(|key| Box::new(key) as _).collect()
    }
}

fn parse<T: std::str::FromStr>(text: &str, error: impl Fn(usize) -> KeyError) -> Result<Vec<T>, KeyError> {
    let keys = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, key)| key.parse().map_err(|_| error(line)))
        .collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        Err(KeyError::Empty)
    } else {
        Ok(keys)
    }
}

/// All passphrases as one identity, because age stops at the first one that does not fit.
struct Passphrases<'a> {
    passphrases: &'a [SecretString],
    work_factor: u8,
}

impl age::Identity for Passphrases<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let mut answer = None;
        for passphrase in self.passphrases {
            let mut identity = age::scrypt::Identity::new(passphrase.clone());
            identity.set_max_work_factor(self.work_factor);
            answer = identity.unwrap_stanza(stanza);
            if !matches!(answer, Some(Err(DecryptError::DecryptionFailed))) {
                break;
            }
        }
        answer
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("identities", &self.identities.len())
            .field("passphrases", &self.passphrases.len())
            .finish()
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipients")
            .field("keys", &self.keys.len())
            .field("has_passphrase", &self.passphrase.is_some())
            .finish()
    }
}

/// The public keys, one a line.
impl fmt::Display for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.iter().try_for_each(|key| writeln!(f, "{key}"))
    }
}
