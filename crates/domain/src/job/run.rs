//! Doing a job, from its turn to its end.

use std::future::Future;
use std::sync::Arc;

use sea_orm::entity::prelude::Expr;
use sea_orm::{EntityTrait, UpdateMany};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::context::ended;
use super::running::{Cause, End, Running};
use super::{Context, Fault, Job, Jobs, Kind, Needs, lease};
use crate::entity::job::{self, Column, State};
use crate::error::{Error, Result};
use crate::stats;

/// How a job ends, if it has not ended with its effect.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) state: State,
    pub(super) result: Option<Value>,
    pub(super) fault: Option<Fault>,
}

impl Ending {
    /// How many rows the archive has that came of a job of this kind, if it is one that publishes an archive.
    pub(super) fn rows_published(&self, kind: Kind) -> Option<u64> {
        let result = self.result.as_ref().filter(|_| kind.publishes_archive())?;
        result.get("total")?.as_u64()
    }

    /// Writes what came of the job.
    pub(super) fn write(&self, ended: UpdateMany<job::Entity>) -> UpdateMany<job::Entity> {
        let fault = self.fault.as_ref();
        ended
            .col_expr(Column::Result, Expr::value(self.result.as_ref().map(Value::to_string)))
            .col_expr(Column::ErrorCode, Expr::value(fault.map(|fault| fault.code.as_str())))
            .col_expr(
                Column::ErrorDetail,
                Expr::value(fault.map(|fault| fault.detail.as_str())),
            )
    }
}

/// Begins to do a job that was let in.
pub(super) fn start<W, F>(jobs: Jobs, running: Arc<Running>, place: Option<OwnedSemaphorePermit>, work: W)
where
    W: FnOnce(Context) -> F + Send + 'static,
    F: Future<Output = Result<Value>>,
{
    let number = {
        let mut all = jobs.all_running();
        all.insert(running.id().to_owned(), running.clone());
        all.len()
    };
    jobs.0.number.send_replace(number);
    // The service may have begun to end since this was let in.
    if jobs.0.closing.is_cancelled() {
        running.stop(Cause::Closing);
    }
    let runtime = jobs.runtime().clone();
    runtime.spawn(async move {
        tracing::info!(job = running.id(), kind = ?running.row().kind, "a job begins");
        let outcome = do_it(&jobs, &running, place, work).await;
        let job = jobs.end(&running, outcome).await;
        tracing::info!(job = running.id(), state = ?job.as_ref().map(|job| job.state), "a job has ended");
        let number = {
            let mut all = jobs.all_running();
            all.remove(running.id());
            all.len()
        };
        if let Some(job) = job {
            running.end.send_replace(End::Written(Box::new(job)));
        }
        jobs.0.number.send_replace(number);
    });
}

async fn do_it<W, F>(jobs: &Jobs, running: &Arc<Running>, place: Option<OwnedSemaphorePermit>, work: W) -> Result<Value>
where
    W: FnOnce(Context) -> F + Send + 'static,
    F: Future<Output = Result<Value>>,
{
    let doing = "working on a job";
    let _place = match (running.needs, place) {
        (Needs::Nothing, None) => tokio::select! {
            place = jobs.0.places.clone().acquire_owned() => Some(place.map_err(Error::internal(doing))?),
            () = running.progress.cancelled() => return Err(Error::Cancelled),
        },
        (_, place) => place,
    };
    running.begin();
    jobs.0.news.notify_one();
    let context = Context {
        running: running.clone(),
        backend: jobs.0.database.connection().get_database_backend(),
    };
    let runtime = Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(async move { work(context).await }));
    // What has panicked was logged by the hook for panics.
    done.await.map_err(|_| Error::internal(doing)("it panicked"))?
}

impl Jobs {
    /// Writes how a job ended, for as long as it takes: while the database can't be reached, the job stays as it is, and
    /// this process keeps it alive, and who waits for it is told so. Nothing if the service ends before that.
    async fn end(&self, running: &Running, outcome: Result<Value>) -> Option<Job> {
        if matches!(outcome, Err(Error::DatabaseUnavailable { .. })) {
            running.end.send_replace(End::Unwritten);
        }
        let ending = self.ending(running, outcome);
        let mut said = false;
        loop {
            let error = match self.write_end(running, &ending).await {
                Ok(job) => return Some(job),
                Err(error) => error,
            };
            // On SQLite it may be another job that commits.
            if !said && !matches!(error, Error::DatabaseBusy { .. }) {
                tracing::warn!(job = running.id(), error = %sources(&error), "the end of a job could not be written yet");
                said = true;
                running.end.send_replace(End::Unwritten);
            }
            if self.0.closing.is_cancelled() {
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(self.0.settings.heartbeat) => {}
                () = self.0.closing.cancelled() => {}
            }
        }
    }

    fn ending(&self, running: &Running, outcome: Result<Value>) -> Ending {
        let (state, result, fault) = match (outcome, running.cause()) {
            (Ok(result), _) => (State::Succeeded, Some(result), None),
            (Err(Error::LeaseLost), _) | (Err(_), Some(Cause::Closing | Cause::Lost)) => return self.interrupted(),
            (Err(_), Some(Cause::Asked)) | (Err(Error::Cancelled), None) => (State::Cancelled, None, None),
            (Err(error), None) => (State::Failed, None, Some((self.0.settings.describe)(error))),
        };
        Ending { state, result, fault }
    }

    /// How a job ends whose process did.
    pub(super) fn interrupted(&self) -> Ending {
        Ending {
            state: State::Interrupted,
            result: None,
            fault: Some((self.0.settings.describe)(Error::Interrupted)),
        }
    }

    /// Ends a job that has not ended, and gives it as it then is.
    pub(super) async fn write_end(&self, running: &Running, ending: &Ending) -> Result<Job> {
        let doing = "writing how a job ended";
        let id = running.id();
        let row = running.row_ending(ending);
        let transaction = self.0.database.begin_write(doing).await?;
        let released = lease::release(id).exec(&transaction).await;
        released.map_err(Error::database(doing))?;
        let written = ending
            .write(ended(
                id,
                running.may_end_from(ending.state),
                ending.state,
                stats::now(),
            ))
            .col_expr(Column::Phase, Expr::value(row.phase))
            .col_expr(Column::RowsDone, Expr::value(row.rows_done))
            .col_expr(Column::RowsTotal, Expr::value(row.rows_total))
            .col_expr(Column::Bytes, Expr::value(row.bytes))
            .col_expr(Column::StartedAt, Expr::value(row.started_at))
            .exec(&transaction)
            .await;
        written.map_err(Error::database(doing))?;
        let row = job::Entity::find_by_id(id).one(&transaction).await;
        let row = row.map_err(Error::database(doing))?.ok_or(Error::UnknownJob)?;
        transaction.commit().await.map_err(Error::database(doing))?;
        Ok(row.into())
    }
}

/// An error with what it comes from, in one line.
pub(super) fn sources(error: &Error) -> String {
    let first: &dyn std::error::Error = error;
    let chain = std::iter::successors(Some(first), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
