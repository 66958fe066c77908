//! The signature of a manifest: whoever can write to the store can write a manifest, and can't sign it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::manifest::Manifest;
use crate::summary::hexadecimal_of;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// What is signed begins with this, so that a signature never means anything else.
const PURPOSE: &[u8] = b"campus-backup manifest 1\n";

/// The key with which one installation signs its manifests: HMAC-SHA-256.
#[derive(Clone)]
pub struct ManifestKey([u8; KEY_BYTES]);

impl ManifestKey {
    /// The key with these bytes, which must be random.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key that these hexadecimal digits stand for; none if they are not those of a key.
    pub fn from_hexadecimal(digits: &str) -> Option<Self> {
        bytes_of(digits)?.try_into().ok().map(Self)
    }

    /// Signs the manifest as it is. A later change makes the signature invalid.
    pub fn sign(&self, manifest: &mut Manifest) {
        manifest.signature = self
            .digest(manifest)
            .map(|digest| hexadecimal_of(&digest.finalize().into_bytes()));
    }

    /// Whether the manifest is exactly one that was signed with this key.
    pub fn has_signed(&self, manifest: &Manifest) -> bool {
        let Some(signature) = manifest.signature.as_deref().and_then(bytes_of) else {
            return false;
        };
        // It compares in constant time.
        self.digest(manifest)
            .is_some_and(|digest| digest.verify_slice(&signature).is_ok())
    }

    /// The digest of the canonical bytes: the purpose, and the JSON of all members that this version knows but the
    /// signature, in the order of the type and without spaces.
    fn digest(&self, manifest: &Manifest) -> Option<Hmac<Sha256>> {
        let unsigned = Manifest {
            signature: None,
            ..manifest.clone()
        };
        // A key of any length is one, and texts and numbers always have a JSON form.
        let mut digest = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        digest.update(PURPOSE);
        digest.update(&serde_json::to_vec(&unsigned).ok()?);
        Some(digest)
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let pairs = pairs.iter().map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    rest.is_empty().then(|| pairs.collect())?
}

/// A key is in no log.
impl fmt::Debug for ManifestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManifestKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::manifest;

    #[test]
    fn only_the_same_manifest_and_key_have_a_valid_signature() {
        let (key, other) = (ManifestKey::new([7; KEY_BYTES]), ManifestKey::new([8; KEY_BYTES]));
        let mut signed = manifest();
        assert!(!key.has_signed(&signed));
        key.sign(&mut signed);
        assert!(key.has_signed(&signed));
        assert!(!other.has_signed(&signed));
        assert!(
            ManifestKey::from_hexadecimal(&"07".repeat(32))
                .unwrap()
                .has_signed(&signed)
        );
        assert!(ManifestKey::from_hexadecimal(&"07".repeat(31)).is_none());
        type Change = fn(&mut Manifest);
        let changes: [Change; 7] = [
            |it| it.id.push('0'),
            |it| it.verifications.clear(),
            |it| it.verifications[0].seconds += 1.0,
            |it| it.object.sha256.clear(),
            |it| it.protected = false,
            |it| it.signature = None,
            |it| it.signature = Some("é".repeat(64)),
        ];
        for change in changes {
            let mut changed = signed.clone();
            change(&mut changed);
            assert!(!key.has_signed(&changed), "{changed:?}");
        }
    }

    #[test]
    fn signature_survives_the_store() {
        let key = ManifestKey::new([7; KEY_BYTES]);
        let mut signed = manifest();
        for milliseconds in [0_u32, 1, 7, 999, 1_001, 123_456, 3_600_001, u32::MAX] {
            signed.verifications[0].seconds = f64::from(milliseconds) / 1_000.0;
            key.sign(&mut signed);
            let read = Manifest::from_json(&signed.to_json()).unwrap();
            assert!(key.has_signed(&read), "{milliseconds}");
        }
    }
}
