//! Proof that a process is alive: the heartbeats of its jobs, written every few seconds, and the [`Runner`], which holds the
//! lock on its data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Weak};

use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::run::{RunningJob, StopCause, sources};
use super::{Jobs, JobsInner, Lock, Phase};
use crate::disk::open_own;
use crate::entity::job::{Column, Entity, JobState};
use crate::error::{Error, Result};

/// The file in the data directory that has the name of the runner.
const FILE: &str = "runner";

/// Writes heartbeats until the last [`Jobs`] is dropped.
pub(super) async fn run_heartbeat(jobs: Weak<JobsInner>) {
    let Some(heartbeat) = jobs.upgrade().map(|jobs| jobs.settings.heartbeat) else {
        return;
    };
    let mut ticks = tokio::time::interval(heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(jobs) = Jobs::of(&jobs) {
        log_failure("heartbeats could not be written", jobs.write_heartbeats().await);
        // A reference that is held while it waits would keep the jobs alive for ever.
        let shared = jobs.0.clone();
        drop(jobs);
        let wanted_now = async move { shared.heartbeat_now.notified().await };
        tokio::select! {
            _ = ticks.tick() => {}
            () = wanted_now => {}
        }
    }
}

/// Logs a failure of background work, which is tried again later.
pub(super) fn log_failure(what: &str, done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(error = %sources(&error), "{what}");
    }
}

impl Jobs {
    /// Writes the progress of all jobs of this process, and finds out whether another copy has cancelled one of them.
    async fn write_heartbeats(&self) -> Result<()> {
        let doing = "writing heartbeats";
        // A job that commits its effect writes to its row in its own transaction. A job that publishes an archive keeps
        // writing heartbeats, because a store may be slow.
        let running: Vec<Arc<RunningJob>> = self.all_running().values().cloned().collect();
        let running: Vec<_> = running
            .into_iter()
            .filter(|running| running.lock == Lock::None || running.progress.state().phase != Phase::Committing)
            .collect();
        if running.is_empty() {
            return Ok(());
        }
        let now = self.0.database.now().await?;
        let Some(transaction) = self.0.database.try_begin_write(doing).await? else {
            return Ok(());
        };
        let mut lost = Vec::new();
        for holder in running.iter().filter(|running| running.lock == Lock::WriterLease) {
            if !self.renew_lease(&transaction, holder.id(), now).await? {
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
                .filter(Column::State.is_in(JobState::ACTIVE))
                .exec(&transaction)
                .await
                .map_err(Error::database(doing))?;
            match written.rows_affected {
                0 => lost.push(running),
                _ => self.write_state(&transaction, running, row.state).await?,
            }
        }
        let cancelled = cancelled_elsewhere(&transaction, &running).await?;
        transaction.commit().await.map_err(Error::database(doing))?;
        for running in lost {
            // A job that has committed in the meantime is not lost, and can't be stopped either.
            if running.stop(StopCause::Reaped) {
                tracing::warn!(
                    job = running.id(),
                    "another process has reaped a job that still ran; the job ends"
                );
            }
        }
        for running in running
            .iter()
            .filter(|running| cancelled.iter().any(|id| id == running.id()))
        {
            running.stop(StopCause::CancelRequested);
        }
        Ok(())
    }

    /// Writes the state of a job, which goes from queued to running to cancelling, and never back.
    async fn write_state(
        &self,
        transaction: &DatabaseTransaction,
        running: &RunningJob,
        state: JobState,
    ) -> Result<()> {
        let from = match state {
            JobState::Running => &[JobState::Queued][..],
            JobState::Cancelling => &[JobState::Queued, JobState::Running],
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

async fn cancelled_elsewhere(transaction: &DatabaseTransaction, running: &[Arc<RunningJob>]) -> Result<Vec<String>> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(running.iter().map(|running| running.id())))
        .filter(Column::State.eq(JobState::Cancelling))
        .into_tuple()
        .all(transaction)
        .await
        .map_err(Error::database("looking for cancelled jobs"))
}

/// The name of a process among all processes that run jobs on a database.
///
/// The name of a data directory is stored in it, and the process that uses the name holds an exclusive lock on that file.
/// The system releases the lock when the process ends, for whatever reason. A process that gets the lock therefore knows
/// that no other process has this name any more, and that the jobs under this name are abandoned.
#[derive(Debug)]
pub struct Runner {
    id: String,
    lock: Option<File>,
}

impl Runner {
    /// A random name that is used once.
    pub fn ephemeral() -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            lock: None,
        }
    }

    /// The name of a data directory. It is an [ephemeral](Self::ephemeral) one if another process uses that name, or if the
    /// file system has no locks.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`] and [`Error::Internal`] if the file can't be read or created, or is a symbolic link.
    pub fn for_data_dir(folder: &Path) -> Result<Self> {
        let failed = || Error::io("reading the name of this runner");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = open_own(&mut options, &folder.join(FILE)).map_err(failed())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Self::ephemeral()),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the data folder can't be locked; after a crash, jobs end as interrupted only later");
                return Ok(Self::ephemeral());
            }
        }
        let mut stored = Vec::new();
        file.read_to_end(&mut stored).map_err(failed())?;
        let stored = std::str::from_utf8(&stored)
            .ok()
            .and_then(|text| Uuid::try_parse(text.trim()).ok());
        let id = match stored {
            Some(id) => id.to_string(),
            None => {
                let id = Uuid::new_v4().to_string();
                write_id(&mut file, &id).map_err(failed())?;
                id
            }
        };
        Ok(Self { id, lock: Some(file) })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether this process holds the lock of its name, so that older jobs under this name are abandoned.
    pub(super) fn holds_lock(&self) -> bool {
        self.lock.is_some()
    }
}

fn write_id(file: &mut File, id: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{id}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_has_the_name_of_a_data_directory() {
        let folder = tempfile::tempdir().unwrap();
        let first = Runner::for_data_dir(folder.path()).unwrap();
        let second = Runner::for_data_dir(folder.path()).unwrap();
        assert!(first.holds_lock() && !second.holds_lock());
        assert_ne!(first.id(), second.id());
        let name = first.id().to_owned();
        drop(first);
        let third = Runner::for_data_dir(folder.path()).unwrap();
        assert_eq!(third.id(), name);
        assert!(third.holds_lock());
    }

    #[test]
    fn symbolic_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        std::fs::write(&other, "of another program").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(FILE)).unwrap();
        Runner::for_data_dir(folder.path()).unwrap_err();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "of another program");
    }

    #[test]
    fn damaged_file_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), [0xff, 0x30]).unwrap();
        let name = Runner::for_data_dir(folder.path()).unwrap().id().to_owned();
        assert!(Uuid::try_parse(&name).is_ok());
        assert_eq!(Runner::for_data_dir(folder.path()).unwrap().id(), name);
    }
}
