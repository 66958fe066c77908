//! A job of this process, while it runs.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::run::Ending;
use super::{Job, Needs, Progress};
use crate::entity::job::{self, State};
use crate::stats;

/// Why a job of this process has to end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Somebody asked for it.
    Asked,
    /// The process ends.
    Closing,
    /// Others have taken it for dead.
    Lost,
}

/// A job that this process does. It knows more than the job's row does.
#[derive(Debug)]
pub(super) struct Running {
    /// As it was inserted.
    row: job::Model,
    pub(super) needs: Needs,
    /// Whether an earlier job of the same request ended without success.
    pub(super) is_repeat: bool,
    pub(super) progress: Progress,
    began_at: OnceLock<DateTime<Utc>>,
    cause: OnceLock<Cause>,
    pub(super) end: watch::Sender<End>,
}

/// What is known of the end of a job of this process.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// It goes on.
    NotYet,
    /// The work is over, but the database can't be reached and does not say so yet.
    Unwritten,
    /// The job as the database has it, for good.
    Written(Box<Job>),
}

impl End {
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }
}

impl Running {
    pub(super) fn new(row: job::Model, needs: Needs, is_repeat: bool) -> Self {
        Self {
            began_at: row.started_at.map_or_else(OnceLock::new, OnceLock::from),
            row,
            needs,
            is_repeat,
            progress: Progress::default(),
            cause: OnceLock::new(),
            end: watch::Sender::new(End::NotYet),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.row.id
    }

    /// Its row as it was inserted.
    pub(super) fn as_inserted(&self) -> &job::Model {
        &self.row
    }

    /// Its turn has come.
    pub(super) fn begin(&self) {
        let _ = self.began_at.set(stats::now());
    }

    /// Asks it to end, and says whether it can. Of several causes the first counts.
    pub(super) fn stop(&self, cause: Cause) -> bool {
        if self.end.borrow().is_written() {
            return false;
        }
        // Before the work can see it.
        let _ = self.cause.set(cause);
        self.progress.cancel()
    }

    /// Why it was asked to end, if it was.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.cause.get().copied().filter(|_| self.progress.is_cancelled())
    }

    /// From which states it may come to that one. What has published an archive has done so, even if others have taken it for
    /// dead meanwhile; a change of the live data ends only in its own transaction.
    pub(super) fn may_end_from(&self, state: State) -> &'static [State] {
        const PUBLISHED: [State; 4] = [State::Queued, State::Running, State::Cancelling, State::Interrupted];
        match state == State::Succeeded && self.row.kind.publishes_archive() {
            true => &PUBLISHED,
            false => &State::ACTIVE,
        }
    }

    /// Its row as it would be if it was written now.
    pub(super) fn row(&self) -> job::Model {
        self.row_at(self.progress.state())
    }

    /// The same for a job that ends like this.
    pub(super) fn row_ending(&self, ending: &Ending) -> job::Model {
        let progress = self.progress.state();
        self.row_at(match ending.state {
            State::Succeeded => progress.completed(ending.rows_published(self.row.kind)),
            _ => progress,
        })
    }

    fn row_at(&self, progress: super::progress::State) -> job::Model {
        let started_at = self.began_at.get().copied();
        job::Model {
            state: match (self.cause(), started_at) {
                (Some(_), _) => State::Cancelling,
                (None, Some(_)) => State::Running,
                (None, None) => State::Queued,
            },
            phase: progress.phase,
            rows_done: progress.rows_done.cast_signed(),
            rows_total: progress.rows_total.map(u64::cast_signed),
            bytes: progress.bytes.cast_signed(),
            eta_seconds: self.progress.remaining().map(|rest| rest.as_secs().cast_signed()),
            started_at,
            heartbeat_at: stats::now(),
            ..self.row.clone()
        }
    }
}
