//! Finding the dead, and forgetting the old.

use chrono::TimeDelta;
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::context::ended;
use super::lease::{self, Holder};
use super::{Job, Jobs};
use crate::entity::job::{self, Column, Entity, State};
use crate::error::{Error, Result};
use crate::stats;

/// How many jobs are remembered, for how long, and for how long at least: a key is good for a day.
const REMEMBERED: u64 = 1000;
const LONGEST: TimeDelta = TimeDelta::days(90);
const SHORTEST: TimeDelta = TimeDelta::days(1);

/// What is being done, for errors.
const INTERRUPTING: &str = "ending the jobs of a process that is gone";

/// Whether a write waits for SQLite's write lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    Waits,
    LeavesIt,
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
        match self.interrupt(mine, Haste::Waits).await {
            Err(Error::DatabaseBusy { .. }) => {
                tracing::warn!("the database is busy; jobs that died with this process are found later");
                Ok(())
            }
            done => done,
        }
    }

    /// Ends the jobs of all who have given no sign of life for too long.
    pub(super) async fn find_dead(&self) -> Result<()> {
        let last = self.0.database.now().await? - self.0.settings.patience();
        let silent = Condition::all().add(Column::HeartbeatAt.lt(last));
        self.interrupt(silent, Haste::LeavesIt).await
    }

    /// Ends the job of a holder whose lease has expired.
    pub(super) async fn interrupt_holder(&self, holder: Holder) -> Result<()> {
        let row = Entity::find_by_id(&holder.job_id)
            .one(self.0.database.connection())
            .await;
        let row = row.map_err(Error::database(INTERRUPTING))?;
        // A sign of life is written together with the lease: if there was none until now, there was none in the row.
        match row.filter(|row| !row.state.has_ended()) {
            Some(row) if self.holder().await? == Some(holder) => self.interrupt_all(vec![row], Haste::LeavesIt).await,
            _ => Ok(()),
        }
    }

    async fn interrupt(&self, which: Condition, haste: Haste) -> Result<()> {
        let dead = Entity::find()
            .filter(Column::State.is_in(State::ACTIVE))
            .filter(which)
            .order_by_asc(Column::Id)
            .all(self.0.database.connection())
            .await
            .map_err(Error::database(INTERRUPTING))?;
        self.interrupt_all(dead, haste).await
    }

    async fn interrupt_all(&self, dead: Vec<job::Model>, haste: Haste) -> Result<()> {
        let mut interrupted = Vec::new();
        for row in dead.into_iter().filter(|row| self.running(&row.id).is_none()) {
            if self.interrupt_one(&row, haste).await? {
                let job = Entity::find_by_id(row.id).one(self.0.database.connection()).await;
                interrupted.extend(job.map_err(Error::database(INTERRUPTING))?.map(Job::from));
            }
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
    async fn interrupt_one(&self, row: &job::Model, haste: Haste) -> Result<bool> {
        let doing = INTERRUPTING;
        let transaction = match haste {
            Haste::Waits => Some(self.0.database.begin_write(doing).await?),
            Haste::LeavesIt => self.0.database.begin_write_if_free(doing).await?,
        };
        let Some(transaction) = transaction else {
            return Ok(false);
        };
        let released = lease::release(&row.id).exec(&transaction).await;
        released.map_err(Error::database(doing))?;
        let (code, detail) = self.interrupted().fault.map(|fault| (fault.code, fault.detail)).unzip();
        let written = ended(&row.id, &State::ACTIVE, State::Interrupted, stats::now())
            .col_expr(Column::ErrorCode, Expr::value(code))
            .col_expr(Column::ErrorDetail, Expr::value(detail))
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
