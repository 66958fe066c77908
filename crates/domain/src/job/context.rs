//! What work gets to do its job with.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryTrait, Statement, UpdateMany};
use serde_json::Value;

use super::idempotency::request_digest;
use super::running::Running;
use super::{Needs, Progress, lease};
use crate::change::Change;
use crate::change_log::Effect;
use crate::entity::job::{self, Column, State};
use crate::error::{Error, Result};
use crate::stats;

/// A job from the inside.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) running: Arc<Running>,
    pub(super) backend: DbBackend,
}

impl Context {
    /// The job's id.
    pub fn job_id(&self) -> &str {
        self.running.id()
    }

    /// Whether the same request was made before, and its job ended without success as far as is known.
    pub fn is_repeat(&self) -> bool {
        self.running.is_repeat
    }

    /// A digest of who asked for what under which key; none if the request has no key. It can be written down anywhere.
    pub fn request_digest(&self) -> Option<String> {
        let job = self.running.as_inserted();
        let (key, fingerprint) = (job.idempotency_key.as_ref()?, job.fingerprint.as_ref()?);
        Some(request_digest(&job.username, key, fingerprint))
    }

    /// What the work tells of itself, and by what it is told to end.
    pub fn progress(&self) -> &Progress {
        &self.running.progress
    }

    /// The end of a job that changes the live data, to be run in the effect's own transaction:
    ///
    /// 1. From this call on the job can't be cancelled here.
    /// 2. The statements are run in their order as the last ones before the commit, each [checked](Step::check).
    /// 3. If one of them is refused, the transaction is rolled back.
    /// 4. With the commit, and not before it, the job has succeeded with `result`.
    ///
    /// The rows that they touch are those that signs of life touch as well, so the commit should follow at once. It is only
    /// for jobs that hold the lease; others succeed by returning their result.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if somebody has asked for its end.
    pub fn finish(&self, result: &Value) -> Result<Finish> {
        debug_assert_eq!(self.running.needs, Needs::WriterLease);
        self.progress().commit()?;
        let progress = self.progress().state().completed(None);
        let job = self.running.id();
        let now = stats::now();
        // Somebody may have asked another copy of the service to cancel it, which this one does not know yet.
        let success = ended(job, &[State::Queued, State::Running], State::Succeeded, now)
            .col_expr(Column::Phase, Expr::value(progress.phase))
            .col_expr(Column::RowsDone, Expr::value(progress.rows_done.cast_signed()))
            .col_expr(
                Column::RowsTotal,
                Expr::value(progress.rows_total.map(u64::cast_signed)),
            )
            .col_expr(Column::Bytes, Expr::value(progress.bytes.cast_signed()))
            .col_expr(Column::Result, Expr::value(result.to_string()));
        Ok(Finish([
            Step::new(lease::release(job).build(self.backend), || Error::LeaseLost),
            Step::new(success.build(self.backend), || Error::Cancelled),
        ]))
    }

    /// The same for a [`Change`]: makes and runs the statements, after those that record its effect in the
    /// [change log](crate::change_log).
    ///
    /// # Errors
    /// [`Error::LeaseLost`], [`Error::Cancelled`], or [`Error::AlreadyUndone`] if another has undone the same meanwhile; then
    /// the change must not be committed.
    pub async fn finish_in(&self, change: &mut Change, effect: &Effect, result: &Value) -> Result<()> {
        let finish = self.finish(result)?;
        let record = effect.steps(self.running.as_inserted(), self.backend);
        for step in record.into_iter().chain(finish) {
            step.check(change.execute(&step.statement).await?)?;
        }
        Ok(())
    }

    /// The same for a transaction of the ORM.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] or [`Error::Cancelled`]; then the transaction must not be committed.
    pub async fn finish_on(&self, transaction: &impl ConnectionTrait, result: &Value) -> Result<()> {
        for step in self.finish(result)? {
            let done = transaction.execute_raw(step.statement.clone()).await;
            let done = done.map_err(Error::database("ending a job with its effect"))?;
            step.check(done.rows_affected())?;
        }
        Ok(())
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

/// One statement, and what it means if it concerns no row.
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

    /// Whether the transaction may go on.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] or [`Error::Cancelled`] if the statement did not concern exactly one row.
    pub fn check(&self, rows: u64) -> Result<()> {
        match rows {
            1 => Ok(()),
            _ => Err((self.refusal)()),
        }
    }
}

/// The end of a job that stands at one of these.
pub(super) fn ended(id: &str, from: &[State], state: State, at: DateTime<Utc>) -> UpdateMany<job::Entity> {
    use sea_orm::ColumnTrait as _;
    job::Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::EndedAt, Expr::value(at))
        .col_expr(Column::HeartbeatAt, Expr::value(at))
        .col_expr(Column::EtaSeconds, Expr::value(None::<i64>))
        .filter(Column::Id.eq(id))
        .filter(Column::State.is_in(from.iter().copied()))
}
