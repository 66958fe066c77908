//! The key of the installation that signs certificates, and the public key that checks them.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::canonical::canonical;
use super::document::{Certificate, CertificateSignature, SignedCertificate};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::installation_key;

/// The name of the key in the table of keys.
const NAME: &str = "certificates";

/// The only algorithm.
pub(super) const ALGORITHM: &str = "Ed25519";

/// Bytes of a public key and of a seed.
const KEY_BYTES: usize = 32;

/// The public key of an installation. It is no secret: write it down where the installation can't change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "algorithm": "Ed25519", "public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "key_id": "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9",
}))]
pub struct CertificatePublicKey {
    /// The algorithm of the signatures, always `Ed25519` (RFC 8032).
    pub algorithm: String,
    /// The 32 bytes of the key in base64.
    pub public_key: String,
    /// The fingerprint of the key: SHA-256 of its 32 bytes, in lower-case hexadecimal.
    pub key_id: String,
}

impl CertificatePublicKey {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self {
            algorithm: ALGORITHM.to_owned(),
            public_key: BASE64_STANDARD.encode(bytes),
            key_id: fingerprint(bytes),
        }
    }
}

/// The key that signs the certificates of an installation.
pub(crate) struct CertificateKey(Ed25519KeyPair);

impl CertificateKey {
    /// The key with this seed in hexadecimal; none if it is no seed.
    fn from_hexadecimal(seed: &str) -> Option<Self> {
        let seed = hex::decode(seed).ok().filter(|seed| seed.len() == KEY_BYTES)?;
        Ed25519KeyPair::from_seed_unchecked(&seed).ok().map(Self)
    }

    /// The public key.
    pub(crate) fn public(&self) -> CertificatePublicKey {
        CertificatePublicKey::new(self.0.public_key().as_ref())
    }

    /// Signs a certificate.
    ///
    /// # Errors
    /// [`Error::Internal`] if it has no canonical form.
    pub(crate) fn sign(&self, certificate: Certificate) -> Result<SignedCertificate> {
        let doing = "signing a certificate";
        let value = serde_json::to_value(&certificate).map_err(Error::internal(doing))?;
        let (bytes, signature) = self.signature(&value)?;
        let CertificatePublicKey {
            algorithm,
            public_key,
            key_id,
        } = self.public();
        Ok(SignedCertificate {
            sha256: hex::encode(Sha256::digest(bytes)),
            certificate,
            signature: CertificateSignature {
                algorithm,
                public_key,
                key_id,
                value: signature,
            },
        })
    }

    /// The canonical bytes of a value, and their signature in base64.
    fn signature(&self, certificate: &Value) -> Result<(String, String)> {
        let doing = "signing a certificate";
        let bytes = canonical(certificate).map_err(Error::internal(doing))?;
        let signature = self.0.try_sign(bytes.as_bytes()).map_err(Error::internal(doing))?;
        let signature = BASE64_STANDARD.encode(signature.as_ref());
        Ok((bytes, signature))
    }
}

/// Keeps the key out of logs.
impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateKey(..)")
    }
}

/// Reads the key of the installation.
///
/// # Errors
/// Database errors, and [`Error::Internal`] if the key is missing or damaged.
pub(crate) async fn read_key(database: &Database) -> Result<CertificateKey> {
    let doing = "reading the key that signs certificates";
    let seed = installation_key::read(database, NAME, doing).await?;
    CertificateKey::from_hexadecimal(&seed).ok_or_else(|| Error::internal(doing)("it is not a seed in hexadecimal"))
}

/// The fingerprint of a public key.
pub(super) fn fingerprint(public_key: &[u8]) -> String {
    hex::encode(Sha256::digest(public_key))
}

/// The bytes of a public key in base64; none if it is no key.
pub(super) fn public_key_bytes(text: &str) -> Option<[u8; KEY_BYTES]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

/// Whether a signature in base64 is one of this key for these bytes.
pub(super) fn is_valid(public_key: &[u8], signed: &[u8], signature: &str) -> bool {
    BASE64_STANDARD.decode(signature).is_ok_and(|signature| {
        UnparsedPublicKey::new(&ED25519, public_key)
            .verify(signed, &signature)
            .is_ok()
    })
}

/// A key that the reader of a certificate trusts, by its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey(String);

impl TrustedKey {
    /// Reads a public key in base64, or its fingerprint in hexadecimal; none if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(bytes) = public_key_bytes(text) {
            return Some(Self(fingerprint(&bytes)));
        }
        let bytes = hex::decode(text).ok()?;
        (bytes.len() == KEY_BYTES).then(|| Self(hex::encode(bytes)))
    }

    /// Its fingerprint.
    pub fn key_id(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// The seed and the public key of RFC 8032, section 7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    pub(crate) fn key() -> CertificateKey {
        CertificateKey::from_hexadecimal(SEED).unwrap()
    }

    pub(crate) fn other_key() -> CertificateKey {
        CertificateKey::from_hexadecimal(&"07".repeat(32)).unwrap()
    }

    /// A signed document with any content.
    pub(crate) fn signed(key: &CertificateKey, certificate: &Value) -> Value {
        let (_, value) = key.signature(certificate).unwrap();
        let public = key.public();
        json!({"certificate": certificate, "signature": {
            "algorithm": public.algorithm, "public_key": public.public_key, "key_id": public.key_id, "value": value,
        }})
    }

    #[test]
    fn key_is_the_one_of_the_standard() {
        let public = hex::decode(PUBLIC).unwrap();
        assert_eq!(key().public(), CertificatePublicKey::new(&public));
        let signature = BASE64_STANDARD.encode(key().0.sign(b"").as_ref());
        let expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(signature, BASE64_STANDARD.encode(hex::decode(expected).unwrap()));
        assert!(is_valid(&public, b"", &signature));
        assert!(!is_valid(&public, b"x", &signature));
        assert!(!format!("{:?}", key()).contains("9d61"));
    }

    #[test]
    fn trusted_key_is_a_key_or_its_fingerprint() {
        let public = key().public();
        for text in [&public.public_key, &public.key_id, &public.key_id.to_uppercase()] {
            assert_eq!(TrustedKey::parse(text).unwrap().key_id(), public.key_id, "{text}");
        }
        for text in ["", "x", &public.public_key[1..], &public.key_id[2..], &"0".repeat(63)] {
            assert_eq!(TrustedKey::parse(text), None, "{text}");
        }
        for damaged in ["", "00", &"0".repeat(62), &"g".repeat(64)] {
            assert!(CertificateKey::from_hexadecimal(damaged).is_none(), "{damaged}");
        }
    }
}
