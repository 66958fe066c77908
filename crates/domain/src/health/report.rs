//! The result of a check.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::code::{HealthCode, HealthReason, HealthStatus};
use crate::error::Error;
use crate::operations::{ArchiveUsage, VerifiedBackup};

/// The health of the backups at one moment. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthReport {
    /// The health in one word.
    pub status: HealthStatus,
    /// What is wrong, at most once for each code, the worst first.
    pub reasons: Vec<HealthReason>,
    /// The moment.
    pub checked_at: DateTime<Utc>,
    /// The newest backup that this installation has created.
    pub last_backup: Option<LastBackup>,
    /// The last backup must not be older than this; none if nothing says how old it may be.
    pub backup_expected_since: Option<DateTime<Utc>>,
    /// The newest verification that found a backup intact.
    pub last_verified: Option<VerifiedBackup>,
    /// The time of the next scheduled run.
    pub next_run: Option<DateTime<Utc>>,
    /// The store of archives.
    pub store: StoreHealth,
    /// The encryption of archives.
    pub key: KeyHealth,
}

/// The newest backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastBackup {
    /// The archive.
    pub archive_id: String,
    /// The moment of its data.
    pub at: DateTime<Utc>,
    /// Its content; none if the store does not answer.
    pub content: Option<BackupContent>,
}

/// What the newest backup has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupContent {
    /// Its bytes in the store.
    pub bytes: u64,
    /// Its rows by table.
    pub rows: BTreeMap<String, u64>,
}

/// The store of archives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Whether it answers.
    pub is_reachable: bool,
    /// Its free space in bytes, if it is known.
    pub free_bytes: Option<u64>,
    /// Archives and bytes by kind; none if it does not answer.
    pub usage: Option<Vec<ArchiveUsage>>,
}

/// The encryption of archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHealth {
    /// Whether new archives are encrypted.
    pub encrypts: bool,
    /// Whether a key of the settings opens the last backup; none if that is not known.
    pub opens_last_backup: Option<bool>,
}

impl HealthReport {
    /// The report while the database does not answer. Everything else is as it was in the last one.
    pub(super) fn without_database(now: DateTime<Utc>, last: Option<Self>, error: &Error) -> Self {
        let reasons = vec![HealthReason::failing(
            HealthCode::DatabaseUnavailable,
            format!("The state of the backups can't be read: {error}."),
        )];
        Self {
            status: HealthStatus::of(&reasons),
            reasons,
            checked_at: now,
            ..last.unwrap_or_else(|| Self::unknown(now))
        }
    }

    fn unknown(now: DateTime<Utc>) -> Self {
        Self {
            status: HealthStatus::Ok,
            reasons: Vec::new(),
            checked_at: now,
            last_backup: None,
            backup_expected_since: None,
            last_verified: None,
            next_run: None,
            store: StoreHealth::default(),
            key: KeyHealth::default(),
        }
    }

    /// The reason with that code, if it holds.
    pub fn reason(&self, code: HealthCode) -> Option<&HealthReason> {
        self.reasons.iter().find(|reason| reason.code == code)
    }
}
