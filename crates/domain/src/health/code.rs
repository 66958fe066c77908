//! The codes of reasons: a closed list, with the meaning of each.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::entity::alarm::Severity;

macro_rules! health_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// Why the health is not ok, for programs. The list is closed: a new code is a change of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum HealthCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl HealthCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in answers, metrics and the table of alarms.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// When it holds, and what to do about it, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

health_codes! {
    /// The service can't read its database. `/readyz` says why.
    DatabaseUnavailable = "database_unavailable";
    /// There is no schedule. Create one, or set `--stale-after` if another program starts the backups.
    NoSchedule = "no_schedule";
    /// There are schedules, and all of them are disabled. Enable one.
    SchedulesDisabled = "schedules_disabled";
    /// There is no backup that this installation has created. It is `failing` if one should be there by now.
    NeverBackedUp = "never_backed_up";
    /// The last backup is too old: older than `--stale-after`, or than a run of a schedule that was due three hours ago.
    /// Without schedules it is a `warning` after 7 days.
    BackupStale = "backup_stale";
    /// The last run of a schedule has failed after its last attempt, and there was no backup since.
    BackupFailed = "backup_failed";
    /// The last run of a schedule was not made, because the service was stopped for too long, and there was no backup since.
    RunMissed = "run_missed";
    /// A run of a schedule is due, and no copy of the service makes it. Start a copy with `--schedules on`.
    SchedulerStalled = "scheduler_stalled";
    /// No backup was verified yet. Verify one, or let a schedule do it.
    NeverVerified = "never_verified";
    /// The last verification of a backup is older than `--verify-stale-after`.
    VerificationStale = "verification_stale";
    /// The last verification found a damaged backup, or a scheduled verification has failed.
    VerificationFailed = "verification_failed";
    /// A backup has far fewer rows or less money than the ones before it, or could not be compared with them, and no
    /// administrator has accepted it. Compare it with an earlier one; then accept or delete it.
    ArchiveSuspicious = "archive_suspicious";
    /// Retention deletes nothing although archives are due for deletion: the latest backup failed or looks suspicious, or the
    /// clock is behind.
    RetentionHeld = "retention_held";
    /// Messages of a notification have not been delivered for four hours. `GET /backup/notifications` says why. Test the
    /// notification after you have corrected the cause.
    NotificationsFailing = "notifications_failing";
    /// The key of secrets does not open the secret of a webhook. Give the service the key that it had (`--secrets-key-file`), or
    /// enter the secret again.
    SecretsKeyUnusable = "secrets_key_unusable";
    /// The store of archives can't be reached or used. Backups and changes are refused.
    StoreUnavailable = "store_unavailable";
    /// The store has no room for the next archive.
    StoreFull = "store_full";
    /// The store has room for fewer than ten archives of the size of the last one.
    StoreAlmostFull = "store_almost_full";
    /// None of the keys of the settings opens the last backup. Put its key into `--archive-key-previous-file`.
    KeyUnusable = "key_unusable";
    /// New backups are encrypted to public keys alone, and no stored backup was verified with a secret key of them. Verify one with
    /// `campus-backup verify ID --identity FILE`: it proves that the secret key exists and opens the backups.
    IdentityUnproven = "identity_unproven";
    /// A destination does not have all backups: its last attempt has failed. It is `failing` if no backup was copied for longer
    /// than `--destination-stale-after`. The first store has all backups. `GET /backup/destinations` says why.
    DestinationFailing = "destination_failing";
}

impl HealthCode {
    /// The code of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// The description has the meaning of each code.
impl PartialSchema for HealthCode {
    fn schema() -> RefOr<Schema> {
        let meanings = Self::ALL
            .iter()
            .map(|code| format!("`{}`: {}", code.name(), code.meaning().trim()));
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(format!(
                "The kind of reason. {}",
                meanings.collect::<Vec<_>>().join(" ")
            )))
            .enum_values(Some(Self::ALL.iter().map(|code| code.name())))
            .into()
    }
}

impl ToSchema for HealthCode {
    fn name() -> Cow<'static, str> {
        "BackupHealthCode".into()
    }
}

/// Why the health is not `ok`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BackupHealthReason)]
pub struct HealthReason {
    /// The kind of reason: one of a closed list.
    pub code: HealthCode,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    #[schema(example = "There is no schedule, so backups are created only on request.")]
    pub detail: String,
}

impl HealthReason {
    pub(super) fn warning(code: HealthCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Warning,
            detail: detail.into(),
        }
    }

    pub(super) fn failing(code: HealthCode, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Failing,
            ..Self::warning(code, detail)
        }
    }
}

/// The health in one word. `ok`: backups are made. `warning`: they are made, and something should be corrected. `failing`: there
/// may be no usable backup to restore from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = BackupHealthStatus)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Backups are made, and nothing has to be corrected.
    Ok,
    /// Backups are made, and something should be corrected.
    Warning,
    /// There may be no usable backup to restore from.
    Failing,
}

impl HealthStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Failing];

    /// The name in answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failing => "failing",
        }
    }

    /// The status with these reasons.
    pub fn of(reasons: &[HealthReason]) -> Self {
        match reasons.iter().map(|reason| reason.severity).max() {
            None => Self::Ok,
            Some(Severity::Warning) => Self::Warning,
            Some(Severity::Failing) => Self::Failing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_the_one_in_json_and_fits_the_table_of_alarms() {
        for code in HealthCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert_eq!(HealthCode::from_name(code.name()), Some(*code));
            assert!(code.name().len() <= 64, "{}", code.name());
        }
        for status in HealthStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        assert_eq!(HealthCode::from_name("archive_lost"), None);
    }
}
