//! Ending: one job because somebody asks for it, or all because the service ends.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::run::sources;
use super::running::{Cause, End, Running};
use super::{Job, Jobs, Phase};
use crate::account::Admin;
use crate::entity::job::{Column, Entity, State};
use crate::error::{Error, Result};

impl Jobs {
    /// Asks a job to end, and gives it as it then is: `cancelling`. It ends soon, without having changed anything; one of
    /// another process when that gives its next sign of life. One that takes archives leaves none.
    ///
    /// # Errors
    /// [`Error::UnknownJob`]; [`Error::NotCancellable`] if it has ended or has begun to commit.
    pub async fn cancel(&self, _: &Admin, id: &str) -> Result<Job> {
        if let Some(running) = self.running(id) {
            if !running.stop(Cause::Asked) {
                return Err(Error::NotCancellable);
            }
            // So that others see it. On SQLite that may have to wait for a commit.
            self.0.news.notify_one();
            return Ok(running.row().into());
        }
        let job = self.get(id).await?;
        let asked = Entity::update_many()
            .col_expr(Column::State, Expr::value(State::Cancelling))
            .filter(Column::Id.eq(&job.id))
            .filter(Column::State.is_in(State::ACTIVE))
            .exec(self.0.database.connection())
            .await
            .map_err(Error::database("asking a job to end"))?;
        match asked.rows_affected {
            0 => Err(Error::NotCancellable),
            // Not as it is by now: its runner may have ended it already.
            _ => Ok(Job {
                state: State::Cancelling,
                ..job
            }),
        }
    }

    /// Begins to end: no job is let in any more, and those of this process that don't commit are asked to end, as
    /// `interrupted`. Who watches a job sees no more of it.
    pub fn close(&self) {
        self.0.closing.cancel();
        for running in self.all_running().values() {
            running.stop(Cause::Closing);
        }
    }

    /// Waits until all jobs of this process have ended, for as long as `limit`. Those that have not ended by then and don't
    /// commit are written down as `interrupted`; whatever they may still do, they can't commit any more. Who waits for them is told.
    pub async fn closed(&self, limit: Duration) {
        let mut number = self.0.number.subscribe();
        let ended = number.wait_for(|number| *number == 0);
        // The sender is in `self`.
        if tokio::time::timeout(limit, ended).await.is_ok() {
            return;
        }
        let left: Vec<Arc<Running>> = self.all_running().values().cloned().collect();
        for running in left {
            if running.progress.state().phase == Phase::Committing {
                tracing::warn!(job = running.id(), "a job still commits while the service ends");
                continue;
            }
            match self.write_end(&running, &self.interrupted()).await {
                Ok(job) => {
                    running.end.send_replace(End::Written(Box::new(job)));
                }
                Err(error) => {
                    tracing::warn!(job = running.id(), error = %sources(&error), "a job's end could not be written");
                }
            }
        }
    }
}
