//! Limits the events of refused requests, which a client can repeat as often as it wants.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::{AuditEntry, AuditEvent};
use crate::mutex::lock;

/// How often the same refusal of the same user is written.
const INTERVAL: Duration = Duration::from_secs(60);

/// How many refusals are remembered.
const MAX_REMEMBERED: usize = 10_000;

/// Two refusals with the same values are the same: the event, the id and the name of the user, and the reason.
type Key = (AuditEvent, Option<i64>, Option<String>, Option<String>);

/// Remembers the refusals of the last minute.
#[derive(Debug, Default)]
pub(crate) struct RefusalLimiter(Mutex<HashMap<Key, Instant>>);

impl RefusalLimiter {
    /// Whether the event of a refusal is to be written: the last minute has no refusal with the same values. With too many refusals
    /// in that minute, no more are written.
    pub(crate) fn admits(&self, entry: &AuditEntry) -> bool {
        let actor = &entry.actor;
        let key = (entry.event, actor.user_id, actor.username.clone(), entry.reason.clone());
        let now = Instant::now();
        let mut remembered = lock(&self.0);
        if remembered
            .get(&key)
            .is_some_and(|at| now.duration_since(*at) < INTERVAL)
        {
            return false;
        }
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, at| now.duration_since(*at) < INTERVAL);
        }
        if remembered.len() >= MAX_REMEMBERED {
            return false;
        }
        remembered.insert(key, now);
        true
    }
}
