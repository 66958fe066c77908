//! Secrets in the few places that may have them.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize as _, Serializer};

/// Serializes a secret in clear: into the one answer that has it, or into the fingerprint of a request.
///
/// # Errors
/// Those of the serializer.
pub fn expose<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret
        .as_ref()
        .map(|secret| secret.expose_secret())
        .serialize(serializer)
}
