//! Secrets at rest: encryption with a key that is not in the database.
//!
//! A secret is encrypted with AES-256-GCM (NIST SP 800-38D) under a random nonce. The associated data names the table, the
//! column and the row, so that an encrypted secret can't be moved to another row. A copy of the database alone reveals none.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

/// The form of encrypted secrets, before their base64.
const FORM: &str = "v1:";

/// The bytes of a key.
pub const SECRETS_KEY_BYTES: usize = 32;

/// The key that encrypts secrets at rest. Cloning is cheap.
#[derive(Clone)]
pub struct SecretsKey(Arc<SecretSlice<u8>>);

/// The key does not open a secret: it is not the one that encrypted it, or the secret was damaged or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongSecretsKey;

/// The row that a secret belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SecretPlace {
    pub(crate) column: &'static str,
    pub(crate) row: i64,
}

impl SecretsKey {
    /// The key with these hexadecimal digits.
    ///
    /// # Errors
    /// The problem, as the rest of a sentence after "the secret".
    pub fn from_hex(digits: &str) -> Result<Self, String> {
        match hex::decode(digits.trim()) {
            Ok(bytes) if bytes.len() == SECRETS_KEY_BYTES => Ok(Self(Arc::new(bytes.into()))),
            _ => Err(format!(
                "must be {} hexadecimal digits; `openssl rand -hex 32` prints such a key",
                2 * SECRETS_KEY_BYTES
            )),
        }
    }

    fn sealing_key(&self) -> Option<LessSafeKey> {
        // The length was checked.
        let key = UnboundKey::new(&AES_256_GCM, self.0.expose_secret()).ok()?;
        Some(LessSafeKey::new(key))
    }

    /// Encrypts a secret for one place.
    ///
    /// # Errors
    /// [`WrongSecretsKey`] if the library refuses the key, which it does for no key of the right length.
    pub(crate) fn encrypt(&self, place: SecretPlace, secret: &SecretString) -> Result<String, WrongSecretsKey> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        self.sealing_key()
            .ok_or(WrongSecretsKey)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                place.associated_data(),
                &mut sealed,
            )
            .map_err(|_| WrongSecretsKey)?;
        let bytes = [&nonce[..], &sealed].concat();
        Ok(format!("{FORM}{}", STANDARD.encode(bytes)))
    }

    /// Decrypts the secret of one place.
    ///
    /// # Errors
    /// [`WrongSecretsKey`].
    pub(crate) fn decrypt(&self, place: SecretPlace, stored: &str) -> Result<SecretString, WrongSecretsKey> {
        let encoded = stored.strip_prefix(FORM).ok_or(WrongSecretsKey)?;
        let mut bytes = STANDARD.decode(encoded).map_err(|_| WrongSecretsKey)?;
        let Some((nonce, sealed)) = bytes.split_first_chunk_mut::<NONCE_LEN>() else {
            return Err(WrongSecretsKey);
        };
        let opened = self
            .sealing_key()
            .ok_or(WrongSecretsKey)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), place.associated_data(), sealed)
            .map_err(|_| WrongSecretsKey)?;
        let text = std::str::from_utf8(opened).map_err(|_| WrongSecretsKey)?;
        Ok(text.into())
    }
}

impl SecretPlace {
    fn associated_data(self) -> Aad<String> {
        Aad::from(format!("campus-backup {} {}", self.column, self.row))
    }
}

/// Shows no key.
impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsKey").finish_non_exhaustive()
    }
}

impl fmt::Display for WrongSecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stored secret can't be read with the key of this service")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HERE: SecretPlace = SecretPlace {
        column: "backup_notifications.secret",
        row: 1,
    };

    fn key(digit: &str) -> SecretsKey {
        SecretsKey::from_hex(&digit.repeat(64)).unwrap()
    }

    #[test]
    fn invalid_keys_are_refused() {
        for digits in ["", "00", &"0".repeat(63), &"0".repeat(66), &"x".repeat(64)] {
            let refused = SecretsKey::from_hex(digits).unwrap_err();
            assert!(refused.contains("64 hexadecimal digits"), "{refused}");
        }
        assert!(!format!("{:?}", key("a")).contains("aa"));
    }

    #[test]
    fn secret_opens_only_with_its_key_and_in_its_place() {
        let secret = SecretString::from("whsec_c2VjcmV0");
        let stored = key("a").encrypt(HERE, &secret).unwrap();
        assert_eq!(
            key("a").decrypt(HERE, &stored).unwrap().expose_secret(),
            "whsec_c2VjcmV0"
        );
        assert_ne!(
            key("a").encrypt(HERE, &secret).unwrap(),
            stored,
            "each has its own nonce"
        );
        assert!(!stored.contains("whsec"));
        let other_row = SecretPlace { row: 2, ..HERE };
        let other_column = SecretPlace {
            column: "backup_other.secret",
            ..HERE
        };
        assert!(key("b").decrypt(HERE, &stored).is_err());
        assert!(key("a").decrypt(other_row, &stored).is_err());
        assert!(key("a").decrypt(other_column, &stored).is_err());
        for damaged in [
            "",
            "v1:",
            "v1:!",
            "whsec_c2VjcmV0",
            &stored[..stored.len() - 4],
            &stored[3..],
        ] {
            assert!(key("a").decrypt(HERE, damaged).is_err(), "{damaged}");
        }
    }
}
