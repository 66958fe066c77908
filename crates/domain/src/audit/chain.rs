//! The hash of an event.
//!
//! It is SHA-256, in lower-case hexadecimal, over one line for each of these values, in this order: [`FORMAT`], the hash of the
//! event before it, and the columns of the event from `id` to `details`. A line of a value is its length in bytes, a colon, the
//! value in UTF-8, and a line feed. A line of no value is a minus sign and a line feed. Numbers are decimal, and times are
//! `YYYY-MM-DDTHH:MM:SS.ffffffZ`. Because of the lengths, no two events have the same lines.
//!
//! The hash has no key. All copies of the service would need it, so it would be in the same database, and a person who changes the
//! events could use it. Without a key, an exported chain can be verified without the service. `docs/audit.md` says what this
//! proves.

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::entity::audit_event::Model;

/// The first value, which no other use of the hash has.
const FORMAT: &str = "campus-backup audit 1";

/// The hash of an event after the event with the hash `before`.
pub(super) fn hash(before: &str, event: &Model) -> String {
    let mut hasher = Sha256::new();
    let mut line = |value: Option<&str>| {
        match value {
            Some(value) => {
                hasher.update(value.len().to_string());
                hasher.update(b":");
                hasher.update(value);
            }
            None => hasher.update(b"-"),
        }
        hasher.update(b"\n");
    };
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    line(Some(FORMAT));
    line(Some(before));
    line(number(Some(event.id)).as_deref());
    line(Some(&written_time(event.at)));
    line(Some(&event.event));
    line(Some(&event.result));
    line(event.username.as_deref());
    line(number(event.user_id).as_deref());
    line(event.method.as_deref());
    line(number(event.token_id).as_deref());
    line(event.client.as_deref());
    line(event.subject.as_deref());
    line(event.table_name.as_deref());
    line(number(event.status.map(i64::from)).as_deref());
    line(event.reason.as_deref());
    line(event.details.as_deref());
    hex::encode(hasher.finalize())
}

/// A time with all six digits of its microseconds.
pub(super) fn written_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
