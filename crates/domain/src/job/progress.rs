//! How far a piece of work has come, and whether it should end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::entity::prelude::{DeriveActiveEnum, EnumIter, StringLen};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// What is being done at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing yet: it waits for its turn.
    #[default]
    Waiting,
    /// Rows of the live data are read and stored.
    BackingUp,
    /// A stored archive is read to its end and checked.
    Checking,
    /// The archive is restored into a database of its own.
    TestRestore,
    /// The live data is compared with the archive.
    Comparing,
    /// The safety backup is created, which can undo what follows.
    SafetyBackup,
    /// Rows of the live data are removed or written, in a transaction.
    Changing,
    /// The end: from here on it can't be cancelled.
    Committing,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::BackingUp,
        Self::Checking,
        Self::TestRestore,
        Self::Comparing,
        Self::SafetyBackup,
        Self::Changing,
        Self::Committing,
    ];
}

/// How far a piece of work has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// What is being done.
    pub phase: Phase,
    /// Rows that this phase has dealt with.
    pub rows_done: u64,
    /// Rows that it has to deal with, if that is known.
    pub rows_total: Option<u64>,
    /// Bytes that were stored or read in this phase.
    pub bytes: u64,
}

impl State {
    /// How far work has come that has succeeded: it has dealt with all rows that there were. They are `rows`, or those that the
    /// last phase had before it, or those that were counted.
    pub(super) fn completed(self, rows: Option<u64>) -> Self {
        let rows = rows.or(self.rows_total).unwrap_or(self.rows_done);
        Self {
            rows_done: rows,
            rows_total: Some(rows),
            ..self
        }
    }
}

/// Shared by the one who works and those who watch. Its clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stage: Mutex<Stage>,
    rows: AtomicU64,
    bytes: AtomicU64,
    cancelled: CancellationToken,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stage {
    phase: Phase,
    rows_total: Option<u64>,
    since: Option<Instant>,
}

impl Progress {
    /// Begins the next phase, with so many rows before it.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it was; what can still end, ends here.
    pub fn enter(&self, phase: Phase, rows_total: Option<u64>) -> Result<()> {
        let mut stage = self.stage();
        if self.0.cancelled.is_cancelled() {
            return Err(Error::Cancelled);
        }
        *stage = Stage {
            phase,
            rows_total,
            since: Some(Instant::now()),
        };
        self.0.rows.store(0, Ordering::Relaxed);
        self.0.bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Begins the commit. What was counted stays, and is what the work says of itself when it has ended.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it was.
    pub fn commit(&self) -> Result<()> {
        let mut stage = self.stage();
        if self.0.cancelled.is_cancelled() {
            return Err(Error::Cancelled);
        }
        stage.phase = Phase::Committing;
        Ok(())
    }

    /// For a part of the work whose rows are not those that the phase has before it: it hears the same wish to end, and what
    /// it counts is shown to nobody.
    pub fn uncounted(&self) -> Self {
        Self(Arc::new(Shared {
            cancelled: self.0.cancelled.clone(),
            ..Shared::default()
        }))
    }

    /// So many more rows were dealt with.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it was.
    pub fn advance(&self, rows: u64) -> Result<()> {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
        match self.0.cancelled.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    /// So many more bytes were stored or read.
    pub fn add_bytes(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        let stage = *self.stage();
        State {
            phase: stage.phase,
            rows_done: self.0.rows.load(Ordering::Relaxed),
            rows_total: stage.rows_total,
            bytes: self.0.bytes.load(Ordering::Relaxed),
        }
    }

    /// How long the rest of this phase takes if it goes on as it went so far; none while that is anybody's guess.
    pub fn remaining(&self) -> Option<Duration> {
        const TOO_EARLY: Duration = Duration::from_secs(1);
        let stage = *self.stage();
        let done = self.0.rows.load(Ordering::Relaxed);
        let elapsed = stage.since?.elapsed();
        let left = stage.rows_total?.checked_sub(done)?;
        let known = done > 0 && elapsed >= TOO_EARLY;
        // Rounding does not matter to who waits.
        known.then(|| Duration::from_secs((elapsed.as_secs_f64() * left as f64 / done as f64).ceil() as u64))
    }

    /// Asks the work to end, and says whether it can: not once it has come to its commit.
    pub fn cancel(&self) -> bool {
        let stage = self.stage();
        let can = stage.phase != Phase::Committing;
        if can {
            self.0.cancelled.cancel();
        }
        can
    }

    /// Whether it was asked to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Asks the work to end when what this gives is dropped: for work on a thread of its own that somebody waits for.
    pub fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    /// Ready when it is asked to end.
    pub async fn cancelled(&self) {
        self.0.cancelled.cancelled().await;
    }

    /// Cancelling and entering a phase exclude each other, so that what is committed was not cancelled.
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks work to end when nobody waits for it any more. Work that has ended is not concerned.
#[derive(Debug)]
#[must_use = "dropped at once it ends the work at once"]
pub struct CancelOnDrop(Progress);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cancelled_goes_no_further() {
        let progress = Progress::default();
        progress.enter(Phase::Checking, Some(7)).unwrap();
        progress.advance(3).unwrap();
        assert!(progress.cancel());
        assert!(matches!(progress.advance(1), Err(Error::Cancelled)));
        assert!(matches!(progress.commit(), Err(Error::Cancelled)));
        assert_eq!(progress.state().phase, Phase::Checking);
    }

    #[test]
    fn what_commits_can_not_be_cancelled() {
        let progress = Progress::default();
        progress.commit().unwrap();
        assert!(!progress.cancel());
        assert!(!progress.is_cancelled());
    }

    #[test]
    fn completed_work_has_dealt_with_all_its_rows() {
        let completed = |progress: &Progress, rows| {
            let state = progress.state().completed(rows);
            (state.rows_done, state.rows_total)
        };
        let progress = Progress::default();
        progress.enter(Phase::Changing, Some(7)).unwrap();
        assert_eq!(completed(&progress, None), (7, Some(7)));
        progress.enter(Phase::Checking, None).unwrap();
        progress.advance(3).unwrap();
        assert_eq!(completed(&progress, None), (3, Some(3)));
        assert_eq!(completed(&progress, Some(9)), (9, Some(9)));
    }

    #[test]
    fn uncounted_work_hears_the_same_wish_to_end() {
        let progress = Progress::default();
        let uncounted = progress.uncounted();
        uncounted.advance(3).unwrap();
        assert_eq!(progress.state().rows_done, 0);
        progress.cancel();
        assert!(matches!(uncounted.advance(1), Err(Error::Cancelled)));
    }

    #[test]
    fn each_phase_counts_for_itself() {
        let progress = Progress::default();
        progress.enter(Phase::Checking, Some(7)).unwrap();
        progress.advance(7).unwrap();
        progress.add_bytes(100);
        progress.enter(Phase::Changing, Some(9)).unwrap();
        progress.clone().advance(2).unwrap();
        let expected = State {
            phase: Phase::Changing,
            rows_done: 2,
            rows_total: Some(9),
            bytes: 0,
        };
        assert_eq!(progress.state(), expected);
    }
}
