//! Finding the dead, and forgetting the old.

use std::sync::{PoisonError, Weak};
use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::Instant;

use super::context::ended;
use super::lease::{self, Holder};
use super::pulse::note;
use super::run::{Ending, sources};
use super::{Job, Jobs, Published, Shared};
use crate::change_log;
use crate::entity::job::{self, Column, Entity, State};
use crate::error::{Error, Result};
use crate::stats;

/// How many jobs are remembered, for how long, and for how long at least: a key is good for a day.
const REMEMBERED: u64 = 1000;
const LONGEST: TimeDelta = TimeDelta::days(90);
const SHORTEST: TimeDelta = TimeDelta::days(1);

/// What is being done, for errors.
const ENDING: &str = "ending the jobs of a process that is gone";

/// What is said of jobs whose outcome is not known yet.
const UNKNOWN: &str =
    "the store can't say whether jobs of a process that is gone have published their archives; it is asked again";

/// How long the store may take to say which archives it has.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often old jobs and old records of the change log are looked for.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// Whether a write waits for SQLite's write lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    Waits,
    LeavesIt,
}

/// Looks for dead jobs and for old ones, as long as there is anybody who has the jobs.
pub(super) async fn look_on(jobs: Weak<Shared>) {
    let Some(patience) = jobs.upgrade().map(|jobs| jobs.settings.patience) else {
        return;
    };
    let mut swept = None::<Instant>;
    while let Some(jobs) = Jobs::of(&jobs) {
        note("dead jobs could not be looked for", jobs.find_dead().await);
        if swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            swept = Some(Instant::now());
            note("old jobs could not be deleted", jobs.sweep().await);
            let pruned = change_log::prune(&jobs.0.database).await;
            note("old changes could not be deleted", pruned);
        }
        // Not held while it waits, or it would never end.
        drop(jobs);
        tokio::time::sleep(patience).await;
    }
}

impl Jobs {
    /// What a process does first: it gives signs of life from now on, and if it is alone with its name, ends what it was
    /// doing under that name before it came to an end itself.
    ///
    /// # Errors
    /// What the database says, but not that it is busy: then the dead are found when their time has passed.
    pub async fn start(&self) -> Result<()> {
        self.runtime();
        if !self.0.runner.is_alone() {
            return Ok(());
        }
        let mine = Condition::all().add(Column::Runner.eq(self.0.runner.id()));
        match self.end_dead(mine, Haste::Waits).await {
            Err(Error::DatabaseBusy { .. }) => {
                tracing::warn!("the database is busy; jobs that died with this process are found later");
                Ok(())
            }
            done => done,
        }
    }

    /// Ends the jobs whose last heartbeat is too old.
    ///
    /// A heartbeat of the future was written before the clock was set back: that of the database after a failover, or that
    /// of this machine. It would keep its job alive for as long as the clock was ahead, although the process is gone. So such
    /// a job must get another heartbeat while this process waits, by a clock that nobody sets.
    async fn find_dead(&self) -> Result<()> {
        let now = self.0.database.now().await?;
        let silent = Column::HeartbeatAt.lt(now - self.0.settings.patience());
        self.end_dead(Condition::all().add(silent), Haste::LeavesIt).await?;
        let ahead = self.active(Condition::all().add(Column::HeartbeatAt.gt(now))).await?;
        let silent = self.without_new_heartbeat(ahead);
        self.end_silent(silent, Haste::LeavesIt).await
    }

    /// Those of these jobs that have had the same heartbeat for too long.
    fn without_new_heartbeat(&self, ahead: Vec<job::Model>) -> Vec<job::Model> {
        let mut seen = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *seen);
        let is_silent = |job: &job::Model| {
            let first = match before.get(&job.id) {
                Some((heartbeat, first)) if *heartbeat == job.heartbeat_at => *first,
                _ => Instant::now(),
            };
            seen.insert(job.id.clone(), (job.heartbeat_at, first));
            first.elapsed() >= self.0.settings.patience
        };
        ahead.into_iter().filter(is_silent).collect()
    }

    /// Ends the job of a holder whose lease has expired.
    pub(super) async fn interrupt_holder(&self, holder: Holder) -> Result<()> {
        let row = Entity::find_by_id(&holder.job_id)
            .one(self.0.database.connection())
            .await;
        let row = row.map_err(Error::database(ENDING))?;
        // A sign of life is written together with the lease: if there was none until now, there was none in the row.
        match row.filter(|row| !row.state.has_ended()) {
            Some(row) if self.holder().await? == Some(holder) => {
                self.end_all(vec![row], &Published::new(), Haste::LeavesIt).await
            }
            _ => Ok(()),
        }
    }

    async fn end_dead(&self, which: Condition, haste: Haste) -> Result<()> {
        self.end_silent(self.active(which).await?, haste).await
    }

    async fn active(&self, which: Condition) -> Result<Vec<job::Model>> {
        let found = Entity::find()
            .filter(Column::State.is_in(State::ACTIVE))
            .filter(which)
            .order_by_asc(Column::Id)
            .all(self.0.database.connection())
            .await;
        found.map_err(Error::database(ENDING))
    }

    /// Ends jobs without a sign of life, but those of this process.
    async fn end_silent(&self, dead: Vec<job::Model>, haste: Haste) -> Result<()> {
        let dead = dead.into_iter().filter(|row| self.running(&row.id).is_none());
        let (publishing, others): (Vec<_>, Vec<_>) = dead.partition(|row| row.kind.publishes_archive());
        self.end_all(others, &Published::new(), haste).await?;
        if publishing.is_empty() {
            return Ok(());
        }
        // Asked after the rows were read: what a job publishes later comes with a sign of life.
        match tokio::time::timeout(STORE_TIMEOUT, (self.0.settings.published)()).await {
            Ok(Ok(published)) => self.end_all(publishing, &published, haste).await,
            Ok(Err(error)) => {
                tracing::warn!(jobs = publishing.len(), error = %sources(&error), "{UNKNOWN}");
                Ok(())
            }
            Err(_) => {
                tracing::warn!(jobs = publishing.len(), "{UNKNOWN}");
                Ok(())
            }
        }
    }

    /// Ends dead jobs: those that have published an archive as succeeded, the others as interrupted.
    async fn end_all(&self, dead: Vec<job::Model>, published: &Published, haste: Haste) -> Result<()> {
        let mut interrupted = Vec::new();
        for row in dead {
            let ending = match published.get(&row.id) {
                Some(result) => Ending {
                    state: State::Succeeded,
                    result: Some(result.clone()),
                    fault: None,
                },
                None => self.interrupted(),
            };
            if !self.end_one(&row, &ending, haste).await? {
                continue;
            }
            if ending.state == State::Succeeded {
                tracing::info!(job = row.id, "a job had published its archive before its process ended");
                continue;
            }
            let job = Entity::find_by_id(row.id).one(self.0.database.connection()).await;
            interrupted.extend(job.map_err(Error::database(ENDING))?.map(Job::from));
        }
        if !interrupted.is_empty() {
            tracing::warn!(
                jobs = interrupted.len(),
                "jobs were interrupted: their process ended while they ran"
            );
            (self.0.settings.interrupted)(interrupted);
        }
        Ok(())
    }

    /// Ends one, unless it has given a sign of life since it was looked at.
    async fn end_one(&self, row: &job::Model, ending: &Ending, haste: Haste) -> Result<bool> {
        let doing = ENDING;
        let transaction = match haste {
            Haste::Waits => Some(self.0.database.begin_write(doing).await?),
            Haste::LeavesIt => self.0.database.try_begin_write(doing).await?,
        };
        let Some(transaction) = transaction else {
            return Ok(false);
        };
        let released = lease::release(&row.id).exec(&transaction).await;
        released.map_err(Error::database(doing))?;
        let mut written = ending.write(ended(&row.id, &State::ACTIVE, ending.state, stats::now()));
        if let Some(rows) = ending.rows_published(row.kind) {
            let rows = rows.cast_signed();
            written = written
                .col_expr(Column::RowsDone, Expr::value(rows))
                .col_expr(Column::RowsTotal, Expr::value(Some(rows)));
        }
        let written = written
            .filter(Column::HeartbeatAt.eq(row.heartbeat_at))
            .exec(&transaction)
            .await
            .map_err(Error::database(doing))?;
        if written.rows_affected != 1 {
            return Ok(false);
        }
        transaction.commit().await.map_err(Error::database(doing))?;
        Ok(true)
    }

    /// Forgets jobs that ended long ago, or before many others.
    pub(super) async fn sweep(&self) -> Result<()> {
        let doing = "deleting old jobs";
        let now = self.0.database.now().await?;
        let connection = self.0.database.connection();
        let beyond: Option<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .order_by_desc(Column::Id)
            .offset(REMEMBERED)
            .limit(1)
            .into_tuple()
            .one(connection)
            .await
            .map_err(Error::database(doing))?;
        let mut old = Condition::any().add(Column::EndedAt.lt(now - LONGEST));
        if let Some(id) = beyond {
            old = old.add(Column::Id.lte(id));
        }
        let deleted = Entity::delete_many()
            .filter(Column::EndedAt.lt(now - SHORTEST))
            .filter(old)
            .exec(connection)
            .await;
        deleted.map(drop).map_err(Error::database(doing))
    }
}
