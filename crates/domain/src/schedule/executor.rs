//! The jobs of runs.

use campus_backup_archive::manifest::VerificationLevel;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::account::System;
use crate::entity::schedule::Verify;
use crate::entity::schedule_run::Model as Run;
use crate::error::{Error, Result};
use crate::job::{Fault, Idempotency, JobResult, JobState};
use crate::operations::{Annotations, Operations};

/// What a runner needs of the rest of the service. Tests replace it.
pub trait RunExecutor: Send + Sync {
    /// Starts a backup, and returns the id of its job. The job of an order that was given before is returned, unless it
    /// ended without an archive.
    fn create_backup(&self, order: BackupOrder) -> BoxFuture<'_, Result<String>>;

    /// Whether the service can verify the backups that it creates. It can't if they are encrypted to public keys alone.
    fn can_verify(&self) -> bool;

    /// The same for a verification.
    fn verify(&self, order: VerificationOrder) -> BoxFuture<'_, Result<String>>;

    /// Finds out how far a job is.
    fn outcome<'a>(&'a self, job_id: &'a str) -> BoxFuture<'a, Result<JobOutcome>>;

    /// The fault that an error is, as a run shows it.
    fn fault(&self, error: Error) -> Fault;
}

/// An order for the backup of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupOrder {
    /// The schedule.
    pub schedule_id: i64,
    /// The time at which the run is due.
    pub due_at: DateTime<Utc>,
    /// The label of the archive.
    pub label: String,
}

/// An order for the verification of a run's archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationOrder {
    /// The schedule.
    pub schedule_id: i64,
    /// The time at which the run is due.
    pub due_at: DateTime<Utc>,
    /// The archive.
    pub archive_id: String,
    /// How.
    pub level: VerificationLevel,
}

impl From<&Run> for BackupOrder {
    fn from(run: &Run) -> Self {
        Self {
            schedule_id: run.schedule_id,
            due_at: run.due_at,
            label: run.label.clone(),
        }
    }
}

impl VerificationOrder {
    /// The order for the verification of the run's archive; none if its schedule demands none.
    pub(super) fn of(run: &Run, archive_id: &str) -> Option<Self> {
        let level = match run.verify {
            Verify::None => return None,
            Verify::Digest => VerificationLevel::Digest,
            Verify::TestRestore => VerificationLevel::TestRestore,
        };
        Some(Self {
            schedule_id: run.schedule_id,
            due_at: run.due_at,
            archive_id: archive_id.to_owned(),
            level,
        })
    }
}

/// How far the job of a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// It has not ended.
    Active,
    /// It has succeeded. A backup has created this archive.
    Succeeded {
        /// The archive; none for a verification.
        archive_id: Option<String>,
    },
    /// It failed or was interrupted.
    Failed(Fault),
    /// An administrator has cancelled it.
    Cancelled(Fault),
}

impl RunExecutor for Operations {
    fn create_backup(&self, order: BackupOrder) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let key = key(order.schedule_id, order.due_at, "backup")?;
            let annotations = Annotations {
                label: Some(order.label),
                ..Annotations::default()
            };
            let submitted = Self::create_backup(self, System::new(), annotations, Some(key)).await?;
            Ok(submitted.job().id.clone())
        })
    }

    fn can_verify(&self) -> bool {
        self.opens_new_archives()
    }

    fn verify(&self, order: VerificationOrder) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let key = key(order.schedule_id, order.due_at, "verification")?;
            let submitted = Self::verify(self, System::new(), &order.archive_id, order.level, Some(key)).await?;
            Ok(submitted.job().id.clone())
        })
    }

    fn outcome<'a>(&'a self, job_id: &'a str) -> BoxFuture<'a, Result<JobOutcome>> {
        Box::pin(async move {
            let job = match self.jobs().get(job_id).await {
                // Jobs are remembered for a day at least. After a longer stop, the store still knows the job's archive.
                Err(Error::UnknownJob) => return self.outcome_of_forgotten_job(job_id).await,
                found => found?,
            };
            let archive_id = match job.result {
                Some(JobResult::Archive(backup)) => Some(backup.archive_id),
                _ => None,
            };
            Ok(match job.state {
                JobState::Queued | JobState::Running | JobState::Cancelling => JobOutcome::Active,
                JobState::Succeeded => JobOutcome::Succeeded { archive_id },
                JobState::Cancelled => JobOutcome::Cancelled(self.jobs().describe(Error::Cancelled)),
                JobState::Failed | JobState::Interrupted => {
                    JobOutcome::Failed(job.fault.unwrap_or_else(|| self.jobs().describe(Error::Interrupted)))
                }
            })
        })
    }

    fn fault(&self, error: Error) -> Fault {
        self.jobs().describe(error)
    }
}

impl Operations {
    async fn outcome_of_forgotten_job(&self, job_id: &str) -> Result<JobOutcome> {
        let archive_id = self.archive_of_job(job_id).await?;
        Ok(match archive_id {
            Some(_) => JobOutcome::Succeeded { archive_id },
            None => JobOutcome::Failed(self.jobs().describe(Error::Interrupted)),
        })
    }
}

/// The idempotency key of a run's job. It is the same for every attempt and in every copy of the service.
fn key(schedule_id: i64, due_at: DateTime<Utc>, purpose: &str) -> Result<Idempotency> {
    let due_at = due_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let key = format!("schedule-{schedule_id}-{due_at}-{purpose}");
    // The label is not a part of the request: another attempt may come after the schedule was edited.
    Idempotency::new(&key, purpose, &json!({"schedule_id": schedule_id, "due_at": due_at}))
}
