//! The result of a check.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::code::{HealthCode, HealthReason, HealthStatus};
use crate::destination::DestinationStatus;
use crate::error::Error;
use crate::operations::{ArchiveUsage, BackupSurvey, VerifiedBackup};

/// The health of the backups. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BackupHealth, example = json!({
    "status": "warning",
    "reasons": [{
        "code": "verification_stale", "severity": "warning",
        "detail": "The last verification of a backup was at 2026-10-25 02:01 UTC.",
    }],
    "checked_at": "2026-11-29T12:00:00Z",
    "last_backup": {"archive_id": "2026-11-29T01-00-03Z-5f1c2a9b", "at": "2026-11-29T01:00:03Z"},
    "backup_expected_since": "2026-11-29T01:00:00Z",
    "last_verified": {
        "archive_id": "2026-10-25T01-00-03Z-7e2d4b1c", "at": "2026-10-25T02:01:09Z", "level": "test_restore",
    },
    "next_run": "2026-11-30T01:00:00Z",
    "store": {"reachable": true, "free_bytes": 64_424_509_440_u64, "archives": 31, "bytes": 412_331_008, "retained": 0},
    "key": {"encrypts": true, "opens_last_backup": true, "needs_identity": false},
    "destinations": [{
        "id": 1, "name": "Off-site", "enabled": true,
        "copies": {"copied": 31, "pending": 0, "failed": 0, "deleting": 0, "retained": 0},
        "waiting_since": null, "last_copied_at": "2026-11-29T01:01:12Z", "failing_since": null, "last_error": null,
    }],
}))]
pub struct HealthReport {
    /// The health in one word.
    pub status: HealthStatus,
    /// What is wrong, each code at most once, the worst first.
    pub reasons: Vec<HealthReason>,
    /// When the service has looked.
    pub checked_at: DateTime<Utc>,
    /// The newest backup that this installation has created.
    #[schema(required = true)]
    pub last_backup: Option<LastBackup>,
    /// The newest backup should not be older than this. `null` if neither a schedule nor `--stale-after` says so.
    #[schema(required = true)]
    pub backup_expected_since: Option<DateTime<Utc>>,
    /// The newest verification that found a backup intact. `null` also if the store does not answer.
    #[schema(required = true)]
    pub last_verified: Option<VerifiedBackup>,
    /// When the next run of a schedule is due.
    #[schema(required = true)]
    pub next_run: Option<DateTime<Utc>>,
    /// The store of archives.
    pub store: StoreHealth,
    /// The encryption of archives.
    pub key: KeyHealth,
    /// The destinations, by name.
    pub destinations: Vec<DestinationStatus>,
}

/// The newest backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LastBackup {
    /// Its archive.
    pub archive_id: String,
    /// The moment of its data.
    pub at: DateTime<Utc>,
    /// Its content, for metrics; none if the store does not answer.
    #[serde(skip)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoreHealth {
    /// Whether it answers.
    #[serde(rename = "reachable")]
    pub is_reachable: bool,
    /// Its free space, if it is known.
    #[schema(required = true)]
    pub free_bytes: Option<u64>,
    /// How many archives it has.
    #[schema(required = true)]
    pub archives: Option<u64>,
    /// How many bytes they have.
    #[schema(required = true)]
    pub bytes: Option<u64>,
    /// Archives and bytes by kind, for metrics; none if it does not answer.
    #[serde(skip)]
    pub usage: Option<Vec<ArchiveUsage>>,
    /// How many archives it refused to delete, because it is immutable or the service lacks the right.
    #[schema(required = true)]
    pub retained: Option<u64>,
}

/// The encryption of archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyHealth {
    /// Whether new archives are encrypted.
    pub encrypts: bool,
    /// Whether a key of the settings opens the last backup. `null` if that is not known.
    #[schema(required = true)]
    pub opens_last_backup: Option<bool>,
    /// Whether new archives are encrypted to public keys alone. The service then has no key for them: verifications, restores and
    /// undos need the identity of a caller, and a verification that is old is no reason for a warning.
    pub needs_identity: bool,
}

impl StoreHealth {
    /// The store, as a survey has found it; none if it does not answer.
    pub(super) fn of(survey: Option<&BackupSurvey>) -> Self {
        let sum = |of: fn(&ArchiveUsage) -> u64| survey.map(|survey| survey.usage.iter().map(of).sum());
        Self {
            is_reachable: survey.is_some(),
            free_bytes: survey.and_then(|survey| survey.free_bytes),
            archives: sum(|usage| usage.archives),
            bytes: sum(|usage| usage.bytes),
            usage: survey.map(|survey| survey.usage.clone()),
            retained: survey.map(|survey| survey.retained),
        }
    }
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
            destinations: Vec::new(),
        }
    }

    /// The reason with that code, if it holds.
    pub fn reason(&self, code: HealthCode) -> Option<&HealthReason> {
        self.reasons.iter().find(|reason| reason.code == code)
    }
}
