//! Signs of life: how far the jobs of this process have come, written every few seconds.

use std::sync::{Arc, Weak};

use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use tokio::time::MissedTickBehavior;

use super::run::sources;
use super::running::{Cause, Running};
use super::{Jobs, Needs, Phase, Shared};
use crate::entity::job::{Column, Entity, State};
use crate::error::{Error, Result};

/// Gives signs of life as long as there is anybody who has the jobs.
pub(super) async fn beat_on(jobs: Weak<Shared>) {
    let Some(heartbeat) = jobs.upgrade().map(|jobs| jobs.settings.heartbeat) else {
        return;
    };
    let mut ticks = tokio::time::interval(heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(jobs) = Jobs::of(&jobs) {
        note("signs of life could not be written", jobs.beat().await);
        // Not held while it waits, or it would never end.
        let news = jobs.0.clone();
        drop(jobs);
        let news = async move { news.news.notified().await };
        tokio::select! {
            _ = ticks.tick() => {}
            () = news => {}
        }
    }
}

/// Says in the log what could not be done this time.
pub(super) fn note(what: &str, done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(error = %sources(&error), "{what}");
    }
}

impl Jobs {
    /// Writes how far all jobs of this process have come, and learns whether somebody asked one of them to end.
    async fn beat(&self) -> Result<()> {
        let doing = "writing signs of life";
        // The rows of one that commits its effect are touched by its own transaction. One that publishes an archive goes on
        // giving signs of life: a store may take long.
        let running: Vec<Arc<Running>> = self.all_running().values().cloned().collect();
        let running: Vec<_> = running
            .into_iter()
            .filter(|running| running.needs == Needs::Nothing || running.progress.state().phase != Phase::Committing)
            .collect();
        if running.is_empty() {
            return Ok(());
        }
        let now = self.0.database.now().await?;
        let Some(transaction) = self.0.database.try_begin_write(doing).await? else {
            return Ok(());
        };
        let mut lost = Vec::new();
        for holder in running.iter().filter(|running| running.needs == Needs::WriterLease) {
            if !self.renew(&transaction, holder.id(), now).await? {
                lost.push(holder);
            }
        }
        for running in &running {
            let row = running.row();
            let written = Entity::update_many()
                .col_expr(Column::Phase, Expr::value(row.phase))
                .col_expr(Column::RowsDone, Expr::value(row.rows_done))
                .col_expr(Column::RowsTotal, Expr::value(row.rows_total))
                .col_expr(Column::Bytes, Expr::value(row.bytes))
                .col_expr(Column::EtaSeconds, Expr::value(row.eta_seconds))
                .col_expr(Column::StartedAt, Expr::value(row.started_at))
                .col_expr(Column::HeartbeatAt, Expr::value(now))
                .filter(Column::Id.eq(running.id()))
                .filter(Column::State.is_in(State::ACTIVE))
                .exec(&transaction)
                .await
                .map_err(Error::database(doing))?;
            match written.rows_affected {
                0 => lost.push(running),
                _ => self.write_state(&transaction, running, row.state).await?,
            }
        }
        let asked = asked_to_end(&transaction, &running).await?;
        transaction.commit().await.map_err(Error::database(doing))?;
        for running in lost {
            // One that has committed in the meantime is not lost, and can't be stopped either.
            if running.stop(Cause::Lost) {
                tracing::warn!(job = running.id(), "a job was taken for dead by others, and ends");
            }
        }
        for running in running
            .iter()
            .filter(|running| asked.iter().any(|id| id == running.id()))
        {
            running.stop(Cause::Asked);
        }
        Ok(())
    }

    /// A job goes from queued to running to cancelling, and never back.
    async fn write_state(&self, transaction: &DatabaseTransaction, running: &Running, state: State) -> Result<()> {
        let from = match state {
            State::Running => &[State::Queued][..],
            State::Cancelling => &[State::Queued, State::Running],
            _ => return Ok(()),
        };
        let written = Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .filter(Column::Id.eq(running.id()))
            .filter(Column::State.is_in(from.iter().copied()))
            .exec(transaction)
            .await;
        written.map(drop).map_err(Error::database("writing the state of a job"))
    }
}

async fn asked_to_end(transaction: &DatabaseTransaction, running: &[Arc<Running>]) -> Result<Vec<String>> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(running.iter().map(|running| running.id())))
        .filter(Column::State.eq(State::Cancelling))
        .into_tuple()
        .all(transaction)
        .await
        .map_err(Error::database("looking who asked a job to end"))
}
