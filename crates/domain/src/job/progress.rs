//! The progress of a job's work, and its cancellation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Phase;
use crate::error::{Error, Result};
use crate::mutex::lock;

/// How far the work has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgressState {
    /// The current phase.
    pub phase: Phase,
    /// Rows that this phase has processed.
    pub rows_done: u64,
    /// Rows that this phase has to process, if that is known.
    pub rows_total: Option<u64>,
    /// Bytes that were stored or read in this phase.
    pub bytes: u64,
}

impl ProgressState {
    /// The progress of work that has succeeded: all its rows are processed. Their number is `rows`, or else the total of the
    /// last phase, or else what was counted.
    pub(super) fn completed(self, rows: Option<u64>) -> Self {
        let rows = rows.or(self.rows_total).unwrap_or(self.rows_done);
        Self {
            rows_done: rows,
            rows_total: Some(rows),
            ..self
        }
    }
}

/// The progress that the work reports and watchers read. Clones share the same state.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<ProgressInner>);

#[derive(Debug, Default)]
struct ProgressInner {
    current: Mutex<CurrentPhase>,
    rows: AtomicU64,
    bytes: AtomicU64,
    cancelled: CancellationToken,
}

#[derive(Clone, Copy, Debug, Default)]
struct CurrentPhase {
    phase: Phase,
    rows_total: Option<u64>,
    since: Option<Instant>,
}

impl Progress {
    /// Begins the next phase, which has `rows_total` rows to process.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the work was cancelled.
    pub fn enter(&self, phase: Phase, rows_total: Option<u64>) -> Result<()> {
        let mut current = self.current();
        if self.0.cancelled.is_cancelled() {
            return Err(Error::Cancelled);
        }
        *current = CurrentPhase {
            phase,
            rows_total,
            since: Some(Instant::now()),
        };
        self.0.rows.store(0, Ordering::Relaxed);
        self.0.bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Begins the commit. The counts of the last phase stay, and are those of the ended job.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the work was cancelled.
    pub fn commit(&self) -> Result<()> {
        let mut current = self.current();
        if self.0.cancelled.is_cancelled() {
            return Err(Error::Cancelled);
        }
        current.phase = Phase::Committing;
        Ok(())
    }

    /// A progress for a part of the work whose rows are not those of the phase. It shares the cancellation; its counts are
    /// not shown.
    pub fn uncounted(&self) -> Self {
        Self(Arc::new(ProgressInner {
            cancelled: self.0.cancelled.clone(),
            ..ProgressInner::default()
        }))
    }

    /// Adds rows that were processed.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the work was cancelled.
    pub fn advance(&self, rows: u64) -> Result<()> {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
        match self.0.cancelled.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    /// Adds bytes that were stored or read.
    pub fn add_bytes(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The current state.
    pub fn state(&self) -> ProgressState {
        let current = *self.current();
        ProgressState {
            phase: current.phase,
            rows_done: self.0.rows.load(Ordering::Relaxed),
            rows_total: current.rows_total,
            bytes: self.0.bytes.load(Ordering::Relaxed),
        }
    }

    /// How long the rest of this phase takes at the speed so far; none in the first second, and while the total is unknown.
    pub fn remaining(&self) -> Option<Duration> {
        const TOO_EARLY: Duration = Duration::from_secs(1);
        let current = *self.current();
        let done = self.0.rows.load(Ordering::Relaxed);
        let elapsed = current.since?.elapsed();
        let left = current.rows_total?.checked_sub(done)?;
        let known = done > 0 && elapsed >= TOO_EARLY;
        // An estimate may be rounded.
        known.then(|| Duration::from_secs((elapsed.as_secs_f64() * left as f64 / done as f64).ceil() as u64))
    }

    /// Cancels the work, and returns whether that is possible: not after the commit has begun.
    pub fn cancel(&self) -> bool {
        let current = self.current();
        let can = current.phase != Phase::Committing;
        if can {
            self.0.cancelled.cancel();
        }
        can
    }

    /// Whether the work was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Cancels the work when the returned guard is dropped: for work on another thread that the caller waits for.
    pub fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    /// Ready when the work is cancelled.
    pub async fn cancelled(&self) {
        self.0.cancelled.cancelled().await;
    }

    /// Cancelling and entering a phase take the same lock, so that committed work was not cancelled.
    fn current(&self) -> MutexGuard<'_, CurrentPhase> {
        lock(&self.0.current)
    }
}

/// Cancels work when it is dropped. Work that has ended is not affected.
#[derive(Debug)]
#[must_use = "dropping it at once cancels the work at once"]
pub struct CancelOnDrop(Progress);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// After how many rows a batch is flushed, which also checks for cancellation.
const FLUSH_EVERY: u64 = 512;

/// Counts rows one by one and reports them to a [`Progress`] in batches, which is cheaper than one report a row.
#[derive(Debug)]
pub(crate) struct ProgressBatch<'p> {
    progress: &'p Progress,
    rows: u64,
}

impl<'p> ProgressBatch<'p> {
    pub(crate) fn new(progress: &'p Progress) -> Self {
        Self { progress, rows: 0 }
    }

    /// Counts one more row.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the work was cancelled.
    pub(crate) fn add_row(&mut self) -> Result<()> {
        self.rows += 1;
        match self.rows >= FLUSH_EVERY {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Reports the rows that were not yet reported, at the end of a table or a file.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the work was cancelled.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.progress.advance(std::mem::take(&mut self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_work_can_not_advance_or_commit() {
        let progress = Progress::default();
        progress.enter(Phase::Checking, Some(7)).unwrap();
        progress.advance(3).unwrap();
        assert!(progress.cancel());
        assert!(matches!(progress.advance(1), Err(Error::Cancelled)));
        assert!(matches!(progress.commit(), Err(Error::Cancelled)));
        assert_eq!(progress.state().phase, Phase::Checking);
    }

    #[test]
    fn committing_work_can_not_be_cancelled() {
        let progress = Progress::default();
        progress.commit().unwrap();
        assert!(!progress.cancel());
        assert!(!progress.is_cancelled());
    }

    #[test]
    fn completed_work_has_processed_all_its_rows() {
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
    fn uncounted_work_shares_the_cancellation() {
        let progress = Progress::default();
        let uncounted = progress.uncounted();
        uncounted.advance(3).unwrap();
        assert_eq!(progress.state().rows_done, 0);
        progress.cancel();
        assert!(matches!(uncounted.advance(1), Err(Error::Cancelled)));
    }

    #[test]
    fn each_phase_starts_its_counts_at_zero() {
        let progress = Progress::default();
        progress.enter(Phase::Checking, Some(7)).unwrap();
        progress.advance(7).unwrap();
        progress.add_bytes(100);
        progress.enter(Phase::Changing, Some(9)).unwrap();
        progress.clone().advance(2).unwrap();
        let expected = ProgressState {
            phase: Phase::Changing,
            rows_done: 2,
            rows_total: Some(9),
            bytes: 0,
        };
        assert_eq!(progress.state(), expected);
    }

    #[test]
    fn batch_reports_every_row_and_notices_cancellation() {
        let progress = Progress::default();
        let mut batch = ProgressBatch::new(&progress);
        for _ in 0..FLUSH_EVERY + 1 {
            batch.add_row().unwrap();
        }
        assert_eq!(progress.state().rows_done, FLUSH_EVERY);
        batch.flush().unwrap();
        assert_eq!(progress.state().rows_done, FLUSH_EVERY + 1);
        progress.cancel();
        let ended = (0..FLUSH_EVERY).find_map(|_| batch.add_row().err());
        assert!(matches!(ended, Some(Error::Cancelled)));
    }
}
