//! Counting rows one by one for a [`Progress`], without asking it about each.

use super::Progress;
use crate::error::Result;

/// After how many rows those who watch are told, and a wish to end is heard.
const TOLD_EVERY: u64 = 512;

/// Rows that were dealt with and not yet told.
#[derive(Debug)]
pub(crate) struct Steps<'p> {
    progress: &'p Progress,
    rows: u64,
}

impl<'p> Steps<'p> {
    pub(crate) fn of(progress: &'p Progress) -> Self {
        Self { progress, rows: 0 }
    }

    /// One more row was dealt with.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled) if it was.
    pub(crate) fn step(&mut self) -> Result<()> {
        self.rows += 1;
        match self.rows >= TOLD_EVERY {
            true => self.tell(),
            false => Ok(()),
        }
    }

    /// Tells of those that were not yet told, at the end of something.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled) if it was.
    pub(crate) fn tell(&mut self) -> Result<()> {
        self.progress.advance(std::mem::take(&mut self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn every_row_is_told_of_and_a_wish_to_end_is_heard() {
        let progress = Progress::default();
        let mut steps = Steps::of(&progress);
        for _ in 0..TOLD_EVERY + 1 {
            steps.step().unwrap();
        }
        assert_eq!(progress.state().rows_done, TOLD_EVERY);
        steps.tell().unwrap();
        assert_eq!(progress.state().rows_done, TOLD_EVERY + 1);
        progress.cancel();
        let ended = (0..TOLD_EVERY).find_map(|_| steps.step().err());
        assert!(matches!(ended, Some(Error::Cancelled)));
    }
}
