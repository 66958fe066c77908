//! The events that notifications report, with their data.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::change_log::{ChangeKind, Effect};
use crate::entity::job;
use crate::job::{Fault, JobResult};

/// An event. Its JSON, `{"type": ..., "data": {...}}`, is stored in the outbox and sent to webhooks. No event has data of
/// students, a password or a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// A backup has begun. Only pings report it.
    BackupStarted(BackupStarted),
    /// A backup is stored, and verified if its schedule says so.
    BackupSucceeded(BackupSucceeded),
    /// A backup failed. For a schedule it is the failure of its last attempt.
    BackupFailed(BackupFailed),
    /// There was no backup for too long, or none can be created or opened: an alarm of the health.
    BackupStale(BackupStale),
    /// Such an alarm is over.
    BackupWellAgain(BackupWellAgain),
    /// A destination does not have all backups: an alarm of the health, or its end.
    DestinationFailed(DestinationFailed),
    /// An archive has far fewer rows or less money than the ones before it.
    ArchiveSuspicious(ArchiveSuspicious),
    /// The retention deletes nothing for now.
    RetentionHeld(RetentionHeld),
    /// An archive was restored.
    RestoreDone(RestoreDone),
    /// Tables were cleared, a file was imported, or one of these was undone.
    ClearDone(ClearDone),
    /// A schedule was switched off or deleted.
    ScheduleDisabled(ScheduleDisabled),
    /// An account became one of an administrator: it was created, raised, enabled or restored.
    AdministratorAdded(AdministratorAdded),
    /// The messages of a notification are not delivered: an alarm of the health. Other notifications report it.
    NotificationsFailing(NotificationsFailing),
    /// An administrator tries a notification.
    Test(TestMessage),
}

/// See [`Event::BackupStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStarted {
    /// The label of the archive.
    pub label: Option<String>,
    /// The job.
    pub job_id: String,
}

/// See [`Event::BackupSucceeded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSucceeded {
    /// The label of the archive.
    pub label: Option<String>,
    /// The archive.
    pub archive_id: String,
    /// The job.
    pub job_id: Option<String>,
    /// The schedule; none for a backup that an administrator has requested.
    pub schedule_id: Option<i64>,
    /// Whether the archive was verified after it was stored.
    pub verified: bool,
}

/// See [`Event::BackupFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFailed {
    /// The label that the archive would have.
    pub label: Option<String>,
    /// The last job.
    pub job_id: Option<String>,
    /// The schedule; none for a backup that an administrator has requested.
    pub schedule_id: Option<i64>,
    /// How many attempts have failed.
    pub attempts: u64,
    /// The archive, if it is stored and only its verification failed.
    pub archive_id: Option<String>,
    /// The problem code.
    pub code: String,
    /// The problem in a sentence.
    pub detail: String,
}

/// See [`Event::BackupStale`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStale {
    /// When the last backup was created; none if there is none.
    pub last_backup_at: Option<DateTime<Utc>>,
    /// The reasons, as sentences.
    pub reasons: Vec<String>,
}

/// See [`Event::BackupWellAgain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupWellAgain {
    /// When the last backup was created.
    pub last_backup_at: Option<DateTime<Utc>>,
    /// Since when something was wrong.
    pub failing_since: Option<DateTime<Utc>>,
}

/// See [`Event::DestinationFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationFailed {
    /// Whether it fails, or no longer does.
    pub state: DestinationAlarm,
    /// What is wrong, or was, as a sentence.
    pub detail: String,
    /// Since when.
    pub failing_since: DateTime<Utc>,
}

/// Whether a destination fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationAlarm {
    /// It does not have all backups.
    Failing,
    /// It has all backups again.
    Over,
}

/// See [`Event::ArchiveSuspicious`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveSuspicious {
    /// The archive.
    pub archive_id: String,
    /// What is conspicuous, as sentences.
    pub findings: Vec<String>,
}

/// See [`Event::RetentionHeld`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionHeld {
    /// The reasons, as sentences.
    pub reasons: Vec<String>,
    /// How many archives would be deleted otherwise.
    pub archives: u64,
}

/// See [`Event::RestoreDone`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreDone {
    /// The job.
    pub job_id: String,
    /// The user that requested it.
    pub username: String,
    /// The archive.
    pub archive_id: String,
    /// Rows that were deleted.
    pub removed: u64,
    /// Rows that were written.
    pub written: u64,
    /// The safety backup of the data before it.
    pub safety_archive_id: String,
}

/// See [`Event::ClearDone`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearDone {
    /// A clear, an import, or the undo of one of them.
    pub action: ClearAction,
    /// The job.
    pub job_id: String,
    /// The user that requested it.
    pub username: String,
    /// The tables.
    pub tables: Vec<String>,
    /// Rows that were deleted, imported, or put back.
    pub rows: u64,
    /// The safety backup with the rows.
    pub safety_archive_id: Option<String>,
    /// Until when the clear or the import can be undone.
    pub undo_until: Option<DateTime<Utc>>,
}

/// What was done with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearAction {
    /// Tables were cleared.
    Clear,
    /// A clear or an import was undone.
    Undo,
    /// A file was imported.
    Import,
}

/// See [`Event::ScheduleDisabled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleDisabled {
    /// What was done.
    pub action: ScheduleAction,
    /// The schedule.
    pub schedule_id: i64,
    /// Its name.
    pub name: String,
    /// The user that did it.
    pub username: String,
}

/// How a schedule was switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleAction {
    /// It was disabled.
    Disabled,
    /// It was deleted.
    Deleted,
}

/// See [`Event::AdministratorAdded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdministratorAdded {
    /// The name of the account.
    pub username: String,
}

/// See [`Event::NotificationsFailing`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationsFailing {
    /// The reasons, as sentences.
    pub reasons: Vec<String>,
}

/// See [`Event::Test`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestMessage {
    /// The name of the notification.
    pub name: String,
    /// The user that tries it.
    pub username: String,
}

/// The kind of an event: its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// See [`Event::BackupStarted`].
    BackupStarted,
    /// See [`Event::BackupSucceeded`].
    BackupSucceeded,
    /// See [`Event::BackupFailed`].
    BackupFailed,
    /// See [`Event::BackupStale`].
    BackupStale,
    /// See [`Event::BackupWellAgain`].
    BackupWellAgain,
    /// See [`Event::DestinationFailed`].
    DestinationFailed,
    /// See [`Event::ArchiveSuspicious`].
    ArchiveSuspicious,
    /// See [`Event::RetentionHeld`].
    RetentionHeld,
    /// See [`Event::RestoreDone`].
    RestoreDone,
    /// See [`Event::ClearDone`].
    ClearDone,
    /// See [`Event::ScheduleDisabled`].
    ScheduleDisabled,
    /// See [`Event::AdministratorAdded`].
    AdministratorAdded,
    /// See [`Event::NotificationsFailing`].
    NotificationsFailing,
    /// See [`Event::Test`].
    Test,
}

impl EventKind {
    /// The ones that an email or a webhook can be about.
    pub const CHOICES: [Self; 12] = [
        Self::BackupSucceeded,
        Self::BackupFailed,
        Self::BackupStale,
        Self::BackupWellAgain,
        Self::DestinationFailed,
        Self::ArchiveSuspicious,
        Self::RetentionHeld,
        Self::RestoreDone,
        Self::ClearDone,
        Self::ScheduleDisabled,
        Self::AdministratorAdded,
        Self::NotificationsFailing,
    ];

    /// The ones that every ping is about.
    pub const OF_PINGS: [Self; 3] = [Self::BackupStarted, Self::BackupSucceeded, Self::BackupFailed];

    /// The ones of an email or a webhook whose creator names none: all but the success of a backup.
    pub fn defaults() -> Vec<Self> {
        let choices = Self::CHOICES.into_iter();
        choices.filter(|kind| *kind != Self::BackupSucceeded).collect()
    }

    /// The kinds whose messages are sent in the order of their events: of two of them, the later one may say that the earlier one is
    /// over. It is empty for a kind that stands alone.
    pub(super) const fn in_order_with(self) -> &'static [Self] {
        match self {
            Self::BackupStale | Self::BackupWellAgain => &[Self::BackupStale, Self::BackupWellAgain],
            Self::BackupSucceeded | Self::BackupFailed => &[Self::BackupSucceeded, Self::BackupFailed],
            Self::RestoreDone | Self::ClearDone => &[Self::RestoreDone, Self::ClearDone],
            Self::DestinationFailed => &[Self::DestinationFailed],
            Self::BackupStarted
            | Self::ArchiveSuspicious
            | Self::RetentionHeld
            | Self::ScheduleDisabled
            | Self::AdministratorAdded
            | Self::NotificationsFailing
            | Self::Test => &[],
        }
    }

    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BackupStarted => "backup_started",
            Self::BackupSucceeded => "backup_succeeded",
            Self::BackupFailed => "backup_failed",
            Self::BackupStale => "backup_stale",
            Self::BackupWellAgain => "backup_well_again",
            Self::DestinationFailed => "destination_failed",
            Self::ArchiveSuspicious => "archive_suspicious",
            Self::RetentionHeld => "retention_held",
            Self::RestoreDone => "restore_done",
            Self::ClearDone => "clear_done",
            Self::ScheduleDisabled => "schedule_disabled",
            Self::AdministratorAdded => "administrator_added",
            Self::NotificationsFailing => "notifications_failing",
            Self::Test => "test",
        }
    }

    /// What has happened, for the documentation.
    const fn meaning(self) -> &'static str {
        match self {
            Self::BackupStarted => "a backup has begun; only pings report it",
            Self::BackupSucceeded => "a backup is stored",
            Self::BackupFailed => "a backup failed, with a schedule after its last attempt",
            Self::BackupStale => "there was no backup for too long",
            Self::BackupWellAgain => "there are backups again",
            Self::DestinationFailed => "a destination does not get all backups, or does again",
            Self::ArchiveSuspicious => "an archive has far less data than the ones before it",
            Self::RetentionHeld => "old archives are not deleted",
            Self::RestoreDone => "an archive was restored",
            Self::ClearDone => "tables were cleared, or a clear was undone",
            Self::ScheduleDisabled => "a schedule was disabled or deleted",
            Self::AdministratorAdded => "an administrator's account was created",
            Self::NotificationsFailing => "the messages of a notification are not delivered",
            Self::Test => "an administrator tries a notification",
        }
    }

    /// The schema of one of these kinds.
    pub fn schema_of(kinds: impl IntoIterator<Item = Self> + Clone) -> Schema {
        let meanings = kinds.clone().into_iter();
        let meanings = meanings.map(|kind| format!("`{}`: {}.", kind.word(), kind.meaning()));
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(meanings.collect::<Vec<_>>().join(" ")))
            .enum_values(Some(kinds.into_iter().map(Self::word)))
            .into()
    }

    /// The event with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = Self::CHOICES.into_iter().chain([Self::BackupStarted, Self::Test]);
        all.into_iter().find(|kind| kind.word() == word)
    }
}

/// The events that a notification can have.
impl PartialSchema for EventKind {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Self::schema_of(Self::CHOICES.into_iter().chain([Self::BackupStarted])))
    }
}

impl ToSchema for EventKind {
    fn name() -> Cow<'static, str> {
        "NotificationEvent".into()
    }
}

impl Event {
    /// The kind.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::BackupStarted(_) => EventKind::BackupStarted,
            Self::BackupSucceeded(_) => EventKind::BackupSucceeded,
            Self::BackupFailed(_) => EventKind::BackupFailed,
            Self::BackupStale(_) => EventKind::BackupStale,
            Self::BackupWellAgain(_) => EventKind::BackupWellAgain,
            Self::DestinationFailed(_) => EventKind::DestinationFailed,
            Self::ArchiveSuspicious(_) => EventKind::ArchiveSuspicious,
            Self::RetentionHeld(_) => EventKind::RetentionHeld,
            Self::RestoreDone(_) => EventKind::RestoreDone,
            Self::ClearDone(_) => EventKind::ClearDone,
            Self::ScheduleDisabled(_) => EventKind::ScheduleDisabled,
            Self::AdministratorAdded(_) => EventKind::AdministratorAdded,
            Self::NotificationsFailing(_) => EventKind::NotificationsFailing,
            Self::Test(_) => EventKind::Test,
        }
    }

    /// The event of a backup that has begun, by its job; none for another job, and none for the job of a schedule's run,
    /// which the run reports.
    pub(crate) fn of_started_job(job: &job::Model) -> Option<Self> {
        let label = label_of_backup(job)?;
        Some(Self::BackupStarted(BackupStarted {
            label,
            job_id: job.id.clone(),
        }))
    }

    /// The event of a backup that has ended, by its job; none for another job, for the job of a schedule's run, and if an
    /// administrator has cancelled it.
    pub(crate) fn of_ended_job(job: &job::Model, result: Option<&JobResult>, fault: Option<&Fault>) -> Option<Self> {
        let label = label_of_backup(job)?;
        let job_id = Some(job.id.clone());
        match (result, fault) {
            (Some(JobResult::Archive(backup)), _) => Some(Self::BackupSucceeded(BackupSucceeded {
                label,
                archive_id: backup.archive_id.clone(),
                job_id,
                schedule_id: None,
                verified: false,
            })),
            (_, Some(fault)) => Some(Self::BackupFailed(BackupFailed {
                label,
                job_id,
                schedule_id: None,
                attempts: 1,
                archive_id: None,
                code: fault.code.clone(),
                detail: fault.detail.clone(),
            })),
            _ => None,
        }
    }

    /// The event of a change of the live data.
    pub(crate) fn of_change(job: &job::Model, effect: &Effect, result: &JobResult) -> Option<Self> {
        let (job_id, username) = (job.id.clone(), job.username.clone());
        let removed = effect.tables.values().map(|rows| rows.removed).sum();
        let written = effect.tables.values().map(|rows| rows.written).sum();
        let tables = effect.tables.keys().map(ToString::to_string).collect();
        let clear = |action, rows, safety_archive_id| {
            Self::ClearDone(ClearDone {
                action,
                job_id: job_id.clone(),
                username: username.clone(),
                tables,
                rows,
                safety_archive_id,
                undo_until: effect.undo_until,
            })
        };
        match (effect.kind, result) {
            (ChangeKind::Clear, JobResult::Clear(report)) => {
                Some(clear(ClearAction::Clear, removed, report.archive_id.clone()))
            }
            (ChangeKind::Undo, JobResult::Undo(report)) => {
                Some(clear(ClearAction::Undo, written, Some(report.archive_id.clone())))
            }
            (ChangeKind::Import, JobResult::Import(report)) => Some(clear(
                ClearAction::Import,
                removed + written,
                report.safety_archive_id.clone(),
            )),
            (ChangeKind::Restore, JobResult::Restore(report)) => Some(Self::RestoreDone(RestoreDone {
                job_id,
                username,
                archive_id: report.archive_id.clone(),
                removed,
                written,
                safety_archive_id: report.safety_archive_id.clone(),
            })),
            _ => None,
        }
    }

    /// The archive that a mail about the event can have as an attachment.
    pub(crate) fn archive_id(&self) -> Option<&str> {
        match self {
            Self::BackupSucceeded(backup) => Some(&backup.archive_id),
            _ => None,
        }
    }
}

/// The label of the archive of a job, if the job is a backup that an administrator has requested.
fn label_of_backup(job: &job::Model) -> Option<Option<String>> {
    #[derive(Deserialize)]
    struct Labelled {
        label: Option<String>,
    }
    let is_of_schedule = job.user_id.is_none() && job.username == crate::account::System::NAME;
    if job.kind != job::JobKind::Archive || is_of_schedule {
        return None;
    }
    // This program has written it.
    let labelled = serde_json::from_str::<Labelled>(&job.parameters);
    Some(labelled.ok().and_then(|labelled| labelled.label))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_those_of_the_stored_events() {
        let event = Event::AdministratorAdded(AdministratorAdded {
            username: "ada".to_owned(),
        });
        assert_eq!(
            json!(event),
            json!({"type": "administrator_added", "data": {"username": "ada"}})
        );
        for kind in EventKind::CHOICES.into_iter().chain(EventKind::OF_PINGS) {
            assert_eq!(json!(kind), json!(kind.word()));
            assert_eq!(EventKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(EventKind::from_word("backup"), None);
        assert!(!EventKind::defaults().contains(&EventKind::BackupSucceeded));
        assert_eq!(EventKind::defaults().len(), EventKind::CHOICES.len() - 1);
    }

    #[test]
    fn order_is_kept_both_ways() {
        for kind in EventKind::CHOICES {
            for other in kind.in_order_with() {
                assert_eq!(other.in_order_with(), kind.in_order_with());
                assert!(other.in_order_with().contains(&kind));
            }
        }
    }
}
