//! The interface between a job and its work: the progress, and the statements that end the job in the transaction of
//! its effect. The writer lease is also here, because those statements release it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryTrait,
    Statement, UpdateMany,
};

use super::idempotency::request_digest;
use super::run::RunningJob;
use super::{JobResult, Jobs, Lock, Progress};
use crate::audit::AuditEntry;
use crate::change::Change;
use crate::change_log::Effect;
use crate::entity::{job, lease};
use crate::error::{Error, Result};
use crate::{notify, stats};

/// The name of the one lease.
const WRITER: &str = "writer";

/// A job from the view of its work.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) running: Arc<RunningJob>,
    pub(super) backend: DbBackend,
}

impl Context {
    /// The job's id.
    pub fn job_id(&self) -> &str {
        self.running.id()
    }

    /// Whether an earlier job for the same request ended without success, as far as is known.
    pub fn is_repeat(&self) -> bool {
        self.running.is_repeat
    }

    /// A digest of the user, the idempotency key and the request; none if the request has no key. It reveals none of them.
    pub fn request_digest(&self) -> Option<String> {
        let job = self.running.as_inserted();
        let (key, fingerprint) = (job.idempotency_key.as_ref()?, job.fingerprint.as_ref()?);
        Some(request_digest(&job.username, key, fingerprint))
    }

    /// Where the work reports its progress and sees its cancellation.
    pub fn progress(&self) -> &Progress {
        &self.running.progress
    }

    /// The statements that end a job in the transaction that changes the live data:
    ///
    /// 1. From this call on the job can't be cancelled in this process.
    /// 2. The statements are run in their order as the last ones before the commit, each [checked](Step::check).
    /// 3. If one of them is refused, the transaction is rolled back.
    /// 4. With the commit, and not before it, the job has succeeded with `result`.
    ///
    /// Heartbeats write to the same rows, so the commit should follow at once. This is only for jobs that hold the lease;
    /// others succeed when their work returns its result.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the job was cancelled.
    pub fn finish(&self, result: &JobResult) -> Result<Finish> {
        debug_assert_eq!(self.running.lock, Lock::WriterLease);
        debug_assert_eq!(self.running.as_inserted().kind, result.kind());
        self.progress().commit()?;
        let progress = self.progress().state().completed(None);
        let job_id = self.running.id();
        let now = stats::now();
        // Another copy of the service may have cancelled the job; then it is no longer queued or running.
        let success = end_job(
            job_id,
            &[job::JobState::Queued, job::JobState::Running],
            job::JobState::Succeeded,
            now,
        )
        .col_expr(job::Column::Phase, Expr::value(progress.phase))
        .col_expr(job::Column::RowsDone, Expr::value(progress.rows_done.cast_signed()))
        .col_expr(
            job::Column::RowsTotal,
            Expr::value(progress.rows_total.map(u64::cast_signed)),
        )
        .col_expr(job::Column::Bytes, Expr::value(progress.bytes.cast_signed()))
        .col_expr(job::Column::Result, Expr::value(result.to_json()));
        Ok(Finish([
            Step::new(release_lease(job_id).build(self.backend), || Error::LeaseLost),
            Step::new(success.build(self.backend), || Error::Cancelled),
        ]))
    }

    /// Runs the statements of [`Context::finish`] in a [`Change`], after those that record its effect in the
    /// [change log](crate::change_log) and those of [notifications](crate::notify). The event of the [audit](crate::audit) is
    /// the last statement before the commit.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], [`Error::Cancelled`], or [`Error::AlreadyUndone`] if the same was undone in the meantime. The change
    /// must then not be committed.
    pub async fn finish_in(&self, change: &mut Change, effect: &Effect, result: &JobResult) -> Result<()> {
        let finish = self.finish(result)?;
        let row = self.running.as_inserted();
        if let Some(event) = notify::Event::of_change(row, effect, result) {
            let messages = notify::insert_messages(self.backend, stats::now(), &event)?;
            change.execute(&messages).await?;
        }
        let record = effect.steps(row, self.backend);
        for step in record.into_iter().chain(finish) {
            step.check(change.execute(&step.statement).await?)?;
        }
        let event = AuditEntry::job_event(row, job::JobState::Succeeded, Some(result), None)
            .with_digests_in(change, self.backend, result)
            .await?;
        event.append_to(change, self.backend).await
    }
}

/// The statements that end a job with its effect, in their order.
#[derive(Clone, Debug)]
pub struct Finish([Step; 2]);

impl IntoIterator for Finish {
    type Item = Step;
    type IntoIter = std::array::IntoIter<Step, 2>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One statement, and the error if it concerns no row.
#[derive(Clone, Debug)]
pub struct Step {
    /// The statement.
    pub statement: Statement,
    refusal: fn() -> Error,
}

impl Step {
    /// A statement that must concern exactly one row.
    pub(crate) fn new(statement: Statement, refusal: fn() -> Error) -> Self {
        Self { statement, refusal }
    }

    /// Checks the number of rows that the statement concerned.
    ///
    /// # Errors
    /// The step's error, such as [`Error::LeaseLost`] or [`Error::Cancelled`], if it is not exactly one row.
    pub fn check(&self, rows: u64) -> Result<()> {
        match rows {
            1 => Ok(()),
            _ => Err((self.refusal)()),
        }
    }
}

/// Ends a job that is in one of the states `from`.
pub(super) fn end_job(
    id: &str,
    from: &[job::JobState],
    state: job::JobState,
    at: DateTime<Utc>,
) -> UpdateMany<job::Entity> {
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(state))
        .col_expr(job::Column::EndedAt, Expr::value(at))
        .col_expr(job::Column::HeartbeatAt, Expr::value(at))
        .col_expr(job::Column::EtaSeconds, Expr::value(None::<i64>))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::State.is_in(from.iter().copied()))
}

/// The job that holds the lease, and when the lease expires.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeaseHolder {
    pub(super) job_id: String,
    pub(super) expires_at: DateTime<Utc>,
}

impl Jobs {
    /// The holder of the writer lease, also if the lease has expired.
    pub(super) async fn lease_holder(&self) -> Result<Option<LeaseHolder>> {
        let found = lease::Entity::find_by_id(WRITER)
            .one(self.0.database.connection())
            .await;
        let found = found.map_err(Error::database("looking up the writer lease"))?;
        Ok(found.and_then(|lease| {
            Some(LeaseHolder {
                job_id: lease.job_id?,
                expires_at: lease.expires_at?,
            })
        }))
    }

    /// Takes the lease for a job, and returns whether it was free or expired.
    pub(super) async fn acquire_lease(
        &self,
        transaction: &DatabaseTransaction,
        job_id: &str,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let is_free = Condition::any()
            .add(lease::Column::JobId.is_null())
            .add(lease::Column::ExpiresAt.lt(now));
        let taken = lease::Entity::update_many()
            .col_expr(lease::Column::JobId, Expr::value(job_id))
            .col_expr(lease::Column::Runner, Expr::value(self.0.runner.id()))
            .col_expr(lease::Column::AcquiredAt, Expr::value(now))
            .col_expr(
                lease::Column::ExpiresAt,
                Expr::value(now + self.0.settings.heartbeat_timeout()),
            )
            .filter(lease::Column::Name.eq(WRITER))
            .filter(is_free)
            .exec(transaction)
            .await;
        let taken = taken.map_err(Error::database("taking the writer lease"))?;
        Ok(taken.rows_affected == 1)
    }

    /// Renews the lease, and returns whether it was still the job's.
    pub(super) async fn renew_lease(
        &self,
        connection: &impl ConnectionTrait,
        job_id: &str,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let renewed = lease_of(job_id)
            .col_expr(
                lease::Column::ExpiresAt,
                Expr::value(now + self.0.settings.heartbeat_timeout()),
            )
            .exec(connection)
            .await;
        let renewed = renewed.map_err(Error::database("renewing the writer lease"))?;
        Ok(renewed.rows_affected == 1)
    }
}

/// Releases the lease if it is the job's. In the transaction of an effect it must concern one row.
pub(super) fn release_lease(job_id: &str) -> UpdateMany<lease::Entity> {
    lease_of(job_id)
        .col_expr(lease::Column::JobId, Expr::value(None::<String>))
        .col_expr(lease::Column::Runner, Expr::value(None::<String>))
        .col_expr(lease::Column::AcquiredAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(lease::Column::ExpiresAt, Expr::value(None::<DateTime<Utc>>))
}

fn lease_of(job_id: &str) -> UpdateMany<lease::Entity> {
    lease::Entity::update_many()
        .filter(lease::Column::Name.eq(WRITER))
        .filter(lease::Column::JobId.eq(job_id))
}
