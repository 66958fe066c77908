//! What the service does by itself, without a request. Each copy of the service has one [`Automation`].
//!
//! Everything here can be done by several copies at the same time, and can be interrupted at any point: its state is in the
//! database, and each change of it is a conditional update.

use crate::error::Result;
use crate::retention::Retention;
use crate::schedule::ScheduleRunner;

/// The steps that the service does every few seconds.
#[derive(Clone, Debug)]
pub struct Automation {
    schedules: ScheduleRunner,
    retention: Option<Retention>,
}

impl Automation {
    /// The automation of a copy of the service. This reads and writes nothing.
    pub fn new(schedules: ScheduleRunner) -> Self {
        Self {
            schedules,
            retention: None,
        }
    }

    /// The same, which also applies the retention policy.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Does everything that has to be done now. A step that fails does not keep the others from their turn.
    ///
    /// # Errors
    /// The first error. What it concerned is tried again at the next call.
    pub async fn tick(&self) -> Result<()> {
        let schedules = self.schedules.step().await;
        let retention = match &self.retention {
            Some(retention) => retention.step().await,
            None => Ok(()),
        };
        schedules.and(retention)
    }
}
