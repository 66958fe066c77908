//! The security log: who did what, and from which address. Each event is one line of the log with the target
//! [`TARGET`], one name and the fields of [`SecurityEvent`]. No field is a secret. A typed user name is logged only if
//! such a user exists, because people type passwords there. A path is logged as its pattern, because it may contain
//! anything.

use std::net::IpAddr;

/// The target of its lines.
pub const TARGET: &str = "campus_backup::security";

/// A security event. Fields that don't apply are omitted.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecurityEvent<'a> {
    /// The name of the user who did it, or to whom it was done.
    pub user: Option<&'a str>,
    /// Their id among the users.
    pub user_id: Option<i64>,
    /// The named token that was used.
    pub token_id: Option<i64>,
    /// The address of the client.
    pub client: Option<IpAddr>,
    /// What was asked for: the path as the API's document has it, with names in the place of values.
    pub path: Option<&'a str>,
    /// The table, or `all`.
    pub table: Option<&'a str>,
    /// The archive, or what else has an id in the path.
    pub id: Option<&'a str>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why it was refused.
    pub reason: Option<&'a str>,
}

impl SecurityEvent<'_> {
    /// Writes the line. `event` is the name.
    pub fn record(self, event: &'static str) {
        tracing::info!(
            target: TARGET,
            event,
            user = self.user,
            user_id = self.user_id,
            token_id = self.token_id,
            client = self.client.map(tracing::field::display),
            path = self.path,
            table = self.table,
            id = self.id,
            status = self.status,
            reason = self.reason,
            "security event"
        );
    }
}
