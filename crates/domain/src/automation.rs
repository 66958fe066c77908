//! What the service does by itself, without a request. Each copy of the service has one [`Automation`].
//!
//! Everything here can be done by several copies at the same time, and can be interrupted at any point: its state is in the
//! database, and each change of it is a conditional update.

use crate::audit::Audit;
use crate::destination::CopyRunner;
use crate::error::Result;
use crate::notify::DeliveryRunner;
use crate::retention::Retention;
use crate::schedule::ScheduleRunner;

/// The steps that the service does every few seconds.
#[derive(Clone, Debug, Default)]
pub struct Automation {
    schedules: Option<ScheduleRunner>,
    retention: Option<Retention>,
    deliveries: Option<DeliveryRunner>,
    copies: Option<CopyRunner>,
    audit: Option<Audit>,
}

impl Automation {
    /// The automation of a copy of the service that makes the runs of schedules. This reads and writes nothing.
    pub fn new(schedules: ScheduleRunner) -> Self {
        Self {
            schedules: Some(schedules),
            ..Self::default()
        }
    }

    /// The same, for a copy that also applies the retention policy.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Self {
            retention: Some(retention),
            ..self
        }
    }

    /// The same, for a copy that also sends the messages of notifications.
    #[must_use]
    pub fn with_deliveries(self, deliveries: DeliveryRunner) -> Self {
        Self {
            deliveries: Some(deliveries),
            ..self
        }
    }

    /// The same, for a copy that also copies archives to destinations.
    #[must_use]
    pub fn with_copies(self, copies: CopyRunner) -> Self {
        Self {
            copies: Some(copies),
            ..self
        }
    }

    /// The same, for a copy that also deletes old events of the audit.
    #[must_use]
    pub fn with_audit(self, audit: Audit) -> Self {
        Self {
            audit: Some(audit),
            ..self
        }
    }

    /// Does everything that has to be done now. A step that fails does not keep the others from their turn.
    ///
    /// # Errors
    /// The first error. What it concerned is tried again at the next call.
    pub async fn tick(&self) -> Result<()> {
        if let Some(deliveries) = &self.deliveries {
            // A task of its own: servers may not answer.
            deliveries.begin();
        }
        if let Some(copies) = &self.copies {
            copies.begin();
        }
        let schedules = match &self.schedules {
            Some(schedules) => schedules.step().await,
            None => Ok(()),
        };
        let retention = match &self.retention {
            Some(retention) => retention.step().await,
            None => Ok(()),
        };
        let audit = match &self.audit {
            Some(audit) => audit.step().await,
            None => Ok(()),
        };
        schedules.and(retention).and(audit)
    }
}
