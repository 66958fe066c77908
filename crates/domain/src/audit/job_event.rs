//! The event of a job that has ended.

use sea_orm::{DatabaseTransaction, DbBackend, EntityTrait, QuerySelect as _, QueryTrait as _};
use serde_json::{Value, json};

use super::{AuditActor, AuditEntry, AuditEvent, AuditMethod, AuditResult};
use crate::change::Change;
use crate::entity::archive;
use crate::entity::job::{JobKind, JobState, Model};
use crate::error::{Error, Result};
use crate::job::JobResult;

/// The details with the digest of an archive's stored bytes, and the digest of its document.
const SHA256: &str = "sha256";
const SUMMARY_DIGEST: &str = "summary_digest";

/// How many ids of deleted archives an event has.
const MAX_IDS: usize = 1000;

impl AuditEntry {
    /// The event of a job that ends in a state.
    pub(crate) fn job_event(job: &Model, state: JobState, result: Option<&JobResult>, reason: Option<&str>) -> Self {
        let parameters: Value = serde_json::from_str(&job.parameters).unwrap_or_default();
        let asked = |name: &str| parameters[name].as_str().map(str::to_owned);
        let entry = Self::new(actor_of(job), event_of(job.kind))
            .ended(result_of(state), reason)
            .of_table(asked("table"))
            .about(
                asked("archive_id")
                    .or_else(|| asked("clear_id"))
                    .unwrap_or_else(|| job.id.clone()),
            )
            .with("job_id", job.id.as_str());
        let entry = match asked("file_sha256") {
            Some(sha256) => entry.with("file_sha256", sha256),
            None => entry,
        };
        match result {
            Some(result) => entry.with_result(result),
            None => entry,
        }
    }

    /// The digests of the archive that a job has created or used, if it has a record.
    pub(crate) async fn with_digests(self, transaction: &DatabaseTransaction, result: &JobResult) -> Result<Self> {
        let Some(archive_id) = archive_of(result) else {
            return Ok(self);
        };
        let record = archive::Entity::find_by_id(archive_id).one(transaction).await;
        let record = record.map_err(Error::database("reading the record of an archive"))?;
        Ok(match record {
            Some(record) => self
                .with(SHA256, record.object_sha256)
                .with(SUMMARY_DIGEST, record.summary_digest),
            None => self,
        })
    }

    /// The same in a [`Change`].
    pub(crate) async fn with_digests_in(
        mut self,
        change: &mut Change,
        backend: DbBackend,
        result: &JobResult,
    ) -> Result<Self> {
        let Some(archive_id) = archive_of(result) else {
            return Ok(self);
        };
        let columns = [
            (SHA256, archive::Column::ObjectSha256),
            (SUMMARY_DIGEST, archive::Column::SummaryDigest),
        ];
        for (name, column) in columns {
            let select = archive::Entity::find_by_id(archive_id).select_only().column(column);
            // With its values: the id is one of this service.
            let sql = select.build(backend).to_string();
            if let Some(digest) = change.text(&sql).await? {
                self = self.with(name, digest);
            }
        }
        Ok(self)
    }

    fn with_result(self, result: &JobResult) -> Self {
        match result {
            JobResult::Archive(report) | JobResult::Upload(report) => self
                .about(&report.archive_id)
                .with("rows", json!(report.rows))
                .with("total", report.total)
                .with("bytes", report.size),
            JobResult::Verify(report) => match &report.verification {
                Some(verification) => self
                    .with("level", json!(verification.level))
                    .with("outcome", json!(verification.result)),
                None => self,
            },
            JobResult::Restore(report) => self
                .with("tables", json!(report.tables))
                .with("safety_archive_id", report.safety_archive_id.as_str()),
            JobResult::Clear(report) => self
                .with("removed", json!(report.removed))
                .with("safety_archive_id", report.archive_id.clone()),
            JobResult::Undo(report) => self
                .with("tables", json!(report.tables))
                .with("archive_id", report.archive_id.as_str()),
            JobResult::Retention(report) => self
                .with("deleted_archives", report.deleted.len())
                .with(
                    "deleted",
                    json!(report.deleted.iter().take(MAX_IDS).collect::<Vec<_>>()),
                )
                .with("freed_bytes", report.freed_bytes)
                .with("failed", report.failed.len()),
            JobResult::Rekey(report) => self
                .with("bytes", report.size)
                .with("recipients", json!(report.recipients)),
            JobResult::Import(report) => self
                .with("import_id", report.import_id.as_str())
                .with("mode", report.mode.name())
                .with("tables", json!(report.tables))
                .with("skipped_wrong", report.skipped_wrong)
                .with("safety_archive_id", report.safety_archive_id.clone()),
        }
    }
}

/// The archive that a job has created or used. For a clear and an import, it is the safety backup.
fn archive_of(result: &JobResult) -> Option<&str> {
    match result {
        JobResult::Archive(report) | JobResult::Upload(report) => Some(&report.archive_id),
        JobResult::Verify(report) => Some(&report.archive_id),
        JobResult::Restore(report) => Some(&report.archive_id),
        JobResult::Clear(report) => report.archive_id.as_deref(),
        JobResult::Undo(report) => Some(&report.archive_id),
        JobResult::Rekey(report) => Some(&report.archive_id),
        JobResult::Import(report) => report.safety_archive_id.as_deref(),
        JobResult::Retention(_) => None,
    }
}

/// The actor that requested a job. Jobs of earlier versions have no method.
fn actor_of(job: &Model) -> AuditActor {
    AuditActor {
        username: Some(job.username.clone()),
        user_id: job.user_id,
        method: job.method.as_deref().and_then(AuditMethod::from_name),
        token_id: job.token_id,
        client: job.client.as_deref().and_then(|client| client.parse().ok()),
    }
}

fn event_of(kind: JobKind) -> AuditEvent {
    match kind {
        JobKind::Archive => AuditEvent::Backup,
        JobKind::Verify => AuditEvent::Verification,
        JobKind::Restore => AuditEvent::Restore,
        JobKind::Clear => AuditEvent::Clear,
        JobKind::Undo => AuditEvent::Undo,
        JobKind::Upload => AuditEvent::Upload,
        JobKind::Retention => AuditEvent::RetentionApplication,
        JobKind::Rekey => AuditEvent::Rekey,
        JobKind::Import => AuditEvent::Import,
    }
}

fn result_of(state: JobState) -> AuditResult {
    match state {
        JobState::Succeeded => AuditResult::Succeeded,
        JobState::Failed => AuditResult::Failed,
        JobState::Cancelled => AuditResult::Cancelled,
        JobState::Interrupted | JobState::Queued | JobState::Running | JobState::Cancelling => AuditResult::Interrupted,
    }
}
