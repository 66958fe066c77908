//! The health of the backups: whether they are made, can be used, and what is wrong; and the alarms that report it.
//!
//! [`Health`] gathers facts from the database and the store, evaluates them, and keeps the last report. A report has a
//! status and reasons with codes of a closed list ([`HealthCode`]).
//!
//! **Alarms.** Each copy of the service evaluates the health by itself, also if it makes no scheduled backups, and no other
//! work of the service comes before it. An alarm is a row of `backup_alarms`. It is reported when its reason has held for
//! [`alarm::HOLD`], then once a day, and once more when the reason has not held for as long. Each change of a row is a
//! conditional update in the transaction of its report, so that of several copies one reports it. Copies that disagree, because
//! one of them can't reach the store, keep the alarm: a reason holds as long as one copy sees it.
//!
//! **Clocks.** Times of an alarm that are in the future, because the clock was set back, count from now on again.
//!
//! To add a reason, add a [`HealthCode`] with its meaning, its facts to [`facts`], and its rule to [`evaluate`].
//!
//! In reading order: [`code`] has the codes; [`facts`] gathers, and [`evaluate`] decides, without a clock or a database;
//! [`report`] is the result; [`alarm`] decides what is reported, and [`alarms`] writes it down and reports it.

pub mod alarm;
mod alarms;
mod code;
mod evaluate;
mod facts;
mod report;

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use tokio::time::Instant;

pub use self::alarm::{AlarmNews, News};
use self::alarms::Alarms;
pub use self::code::{HealthCode, HealthReason, HealthStatus};
use self::facts::{FactSources, HealthFacts};
pub use self::report::{BackupContent, HealthReport, KeyHealth, LastBackup, StoreHealth};
use crate::account::Admin;
use crate::clock::Clock;
use crate::database::Database;
pub use crate::entity::alarm::Severity;
use crate::error::Result;
use crate::mutex::lock;
use crate::notify::Notifications;
use crate::operations::Operations;
use crate::retention::Retention;

/// When the health is bad.
#[derive(Clone, Copy, Debug)]
pub struct HealthSettings {
    /// The age at which the last backup is too old; none if the schedules say so.
    pub stale_after: Option<TimeDelta>,
    /// The age at which the last verification is too old.
    pub verify_stale_after: TimeDelta,
    /// For how long a destination may get no backup that it should have.
    pub destination_stale_after: TimeDelta,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            stale_after: None,
            verify_stale_after: TimeDelta::days(31),
            destination_stale_after: TimeDelta::days(1),
        }
    }
}

/// The health of the backups of an installation. Clones share one state.
#[derive(Clone)]
pub struct Health(Arc<HealthInner>);

struct HealthInner {
    sources: FactSources,
    clock: Clock,
    settings: HealthSettings,
    alarms: Alarms,
    /// The last check for a request, and when it began. Concurrent requests share a check.
    checking: tokio::sync::Mutex<Option<(Instant, HealthReport)>>,
    last: Mutex<Option<HealthReport>>,
}

impl Health {
    /// The health of the backups in a database and a store, with their retention and notifications. This reads and writes nothing.
    pub fn new(
        database: Database,
        operations: Operations,
        retention: Retention,
        notifications: Notifications,
        clock: Clock,
        settings: HealthSettings,
    ) -> Self {
        Self(Arc::new(HealthInner {
            alarms: Alarms::new(database.clone()),
            sources: FactSources {
                database,
                operations,
                retention,
                notifications,
                key_test: Mutex::default(),
            },
            clock,
            settings,
            checking: tokio::sync::Mutex::default(),
            last: Mutex::default(),
        }))
    }

    /// The health, by a check that began after this call.
    pub async fn report(&self, _: &Admin) -> HealthReport {
        let asked = Instant::now();
        let mut checking = self.0.checking.lock().await;
        if let Some((began, report)) = &*checking
            && *began > asked
        {
            return report.clone();
        }
        let began = Instant::now();
        let report = self.check().await;
        *checking = Some((began, report.clone()));
        report
    }

    /// Checks the health for the service itself. An error of the database or the store is a reason in the report.
    pub async fn check(&self) -> HealthReport {
        let now = self.0.clock.now();
        let report = match HealthFacts::gather(&self.0.sources, now).await {
            Ok(facts) => evaluate::evaluate(facts, &self.0.settings),
            Err(error) => HealthReport::without_database(now, self.last(), &error),
        };
        *lock(&self.0.last) = Some(report.clone());
        report
    }

    /// The report of the last check of this process, if there was one. This waits for nothing.
    pub fn last(&self) -> Option<HealthReport> {
        lock(&self.0.last).clone()
    }

    /// Raises, repeats and ends alarms, so that they agree with a report, and returns what this copy of the service has reported.
    ///
    /// # Errors
    /// The first database error. What it concerned is tried again at the next call.
    pub async fn update_alarms(&self, report: &HealthReport) -> Result<Vec<AlarmNews>> {
        self.0.alarms.update(report).await
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("clock", &self.0.clock)
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}
