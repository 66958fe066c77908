//! Idempotency keys: a request that is sent again is not done again.

use sea_orm::{ColumnTrait, Condition};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::Actor;
use crate::entity::job::Column;
use crate::error::{Error, Result};

const MAX_KEY_LENGTH: usize = 255;

/// The idempotency key of a request, and the fingerprint of the request.
///
/// Keys belong to a user: two users may use the same one. A key is known as long as its job is kept, which is at least a day
/// (`Jobs::sweep`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub(super) key: String,
    pub(super) fingerprint: String,
}

impl Idempotency {
    /// A key for one operation with one body, whose members may come in any order.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the key is not 1 to 255 visible ASCII characters.
    pub fn new(key: &str, operation: &str, body: &Value) -> Result<Self> {
        ensure_key(key, "Idempotency-Key")?;
        let mut digest = Sha256::new();
        digest.update(operation);
        // No operation has a line break in its name.
        digest.update(b"\n");
        canonical(body, &mut |bytes| digest.update(bytes));
        Ok(Self {
            key: key.to_owned(),
            fingerprint: hex::encode(digest.finalize()),
        })
    }

    /// Key and fingerprint as they are stored for an actor.
    pub(crate) fn stored(&self, actor: &Actor) -> (String, String) {
        (actor.stored_key(&self.key), self.fingerprint.clone())
    }
}

/// Ensures that a text is a valid key.
///
/// # Errors
/// [`Error::Invalid`] for that field if it is not 1 to 255 visible ASCII characters.
pub(super) fn ensure_key(key: &str, field: &'static str) -> Result<()> {
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    match visible && (1..=MAX_KEY_LENGTH).contains(&key.len()) {
        true => Ok(()),
        false => Err(Error::Invalid {
            field,
            problem: format!("must be 1 to {MAX_KEY_LENGTH} visible ASCII characters"),
        }),
    }
}

/// The condition for the job that an actor has requested with a key. Keys of others do not match.
pub(super) fn requested_with(actor: &Actor, key: &str) -> Condition {
    Condition::all()
        .add(Column::Username.eq(actor.username()))
        .add(Column::IdempotencyKey.eq(actor.stored_key(key)))
}

/// A digest of a request and its key, which reveals neither.
pub(super) fn request_digest(username: &str, key: &str, fingerprint: &str) -> String {
    hex::encode(Sha256::digest(json!([username, key, fingerprint]).to_string()))
}

/// Writes JSON with the members of each object sorted by name.
fn canonical(value: &Value, out: &mut impl FnMut(&[u8])) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            out(b"{");
            for (name, value) in names {
                out(Value::from(name.as_str()).to_string().as_bytes());
                out(b":");
                canonical(value, out);
                out(b",");
            }
            out(b"}");
        }
        Value::Array(values) => {
            out(b"[");
            for value in values {
                canonical(value, out);
                out(b",");
            }
            out(b"]");
        }
        plain => out(plain.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(operation: &str, body: &Value) -> String {
        Idempotency::new("k", operation, body).unwrap().fingerprint
    }

    #[test]
    fn invalid_keys_are_refused() {
        for key in ["", " ", "a b", "ä", "a\n", "\u{7f}", &"x".repeat(256)] {
            let refused = Idempotency::new(key, "clear", &json!({}));
            assert!(matches!(refused, Err(Error::Invalid { .. })), "{key:?}");
        }
        for key in ["!", "~", &"x".repeat(255)] {
            Idempotency::new(key, "clear", &json!({})).unwrap();
        }
    }

    #[test]
    fn different_requests_have_different_fingerprints() {
        let bodies = [
            json!({}),
            json!([]),
            json!(null),
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": [1, 2]}),
            json!({"a": [12]}),
            json!({"a": [2, 1]}),
            json!({"a": {"b": 1}, "c": 2}),
            json!({"a": {"b": 1, "c": 2}}),
            json!({"a,\"b": 1}),
        ];
        let mut seen: Vec<_> = bodies.iter().map(|body| fingerprint("clear", body)).collect();
        seen.push(fingerprint("restore", &json!({})));
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }

    #[test]
    fn request_digest_depends_on_user_key_and_request() {
        let digests = [
            request_digest("admin", "k", "f"),
            request_digest("admi", "nk", "f"),
            request_digest("admin", "kf", ""),
            request_digest("admin", "k", "g"),
        ];
        for (position, digest) in digests.iter().enumerate() {
            assert!(!digests[..position].contains(digest));
        }
    }

    #[test]
    fn order_of_members_does_not_change_the_fingerprint() {
        let one: Value = serde_json::from_str(r#"{"a": {"x": 1, "y": [true]}, "b": null}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"b":null,"a":{"y":[true],"x":1}}"#).unwrap();
        assert_eq!(fingerprint("clear", &one), fingerprint("clear", &other));
    }
}
