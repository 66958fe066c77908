//! The signature of a manifest. Anyone with write access to the store can write a manifest, but not sign it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::manifest::Manifest;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// The prefix of the signed bytes, so that a signature has no other meaning.
const PURPOSE: &[u8] = b"campus-backup manifest 1\n";

/// The key with which one installation signs its manifests: HMAC-SHA-256.
#[derive(Clone)]
pub struct ManifestKey([u8; KEY_BYTES]);

impl ManifestKey {
    /// The key with these bytes, which must be random.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads a key from hexadecimal digits; none if they are not a key.
    pub fn from_hexadecimal(digits: &str) -> Option<Self> {
        hex::decode(digits).ok()?.try_into().ok().map(Self)
    }

    /// Signs the manifest as it is. A later change makes the signature invalid.
    pub fn sign(&self, manifest: &mut Manifest) {
        manifest.signature = self
            .digest(manifest)
            .map(|digest| hex::encode(digest.finalize().into_bytes()));
    }

    /// Whether the manifest is exactly one that was signed with this key.
    pub fn has_signed(&self, manifest: &Manifest) -> bool {
        let Some(signature) = manifest
            .signature
            .as_deref()
            .and_then(|digits| hex::decode(digits).ok())
        else {
            return false;
        };
        // This compares in constant time.
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
        // Keys of any length are valid, and texts and numbers always have a JSON form.
        let mut digest = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        digest.update(PURPOSE);
        digest.update(&serde_json::to_vec(&unsigned).ok()?);
        Some(digest)
    }
}

/// Keeps the key out of logs.
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
        let changes: [Change; 11] = [
            |it| it.id.push('0'),
            |it| it.verifications.clear(),
            |it| it.verifications[0].seconds += 1.0,
            |it| it.object.sha256.clear(),
            |it| it.protected = false,
            |it| it.file_number = 1,
            |it| it.version = 2,
            |it| it.rekeyed_at = Some(it.created_at),
            |it| it.recipients = vec!["9f86-d081-884c-7d65-9a2f-eaa0-c55a-d015".to_owned()],
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
