//! Watches the health of the backups in this copy of the service: sets its metrics, and raises alarms.
//!
//! It is a task of its own. It runs also with `--schedules off`, and no other step of the service can keep it waiting.

use std::time::{Duration, Instant};

use campus_backup_domain::Error;
use campus_backup_domain::health::{Health, HealthCode, HealthReport};
use campus_backup_domain::job::Jobs;

use crate::metrics;
use crate::problem::chain;

/// The interval of the checks.
const INTERVAL: Duration = Duration::from_secs(60);

/// How long the alarms may take. The check has its own limits.
const ALARMS_LIMIT: Duration = Duration::from_secs(30);

/// How often a fault that keeps alarms from being written down is logged.
const REPEAT: Duration = Duration::from_secs(24 * 60 * 60);

/// Watches the health until the shutdown of the service begins.
pub(crate) async fn watch(health: Health, jobs: Jobs) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut fault_log = FaultLog::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = jobs.shutdown_begun() => return,
        }
        let report = health.check().await;
        metrics::health(&report);
        fault_log.note(update_alarms(&health, &report).await);
    }
}

/// Updates the alarms, and returns the fault that keeps administrators from being notified.
async fn update_alarms(health: &Health, report: &HealthReport) -> Option<String> {
    if let Some(reason) = report.reason(HealthCode::DatabaseUnavailable) {
        return Some(reason.detail.clone());
    }
    match tokio::time::timeout(ALARMS_LIMIT, health.update_alarms(report)).await {
        // On SQLite another change holds the lock; the next check follows soon.
        Ok(Ok(_) | Err(Error::DatabaseBusy { .. })) => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(_) => Some(format!("there was no answer within {} seconds", ALARMS_LIMIT.as_secs())),
    }
}

/// Logs a fault when it begins, once a day, and when it has ended. It needs no database.
#[derive(Default)]
struct FaultLog {
    logged: Option<Instant>,
}

impl FaultLog {
    fn note(&mut self, fault: Option<String>) {
        match (fault, self.logged) {
            (Some(error), logged) if logged.is_none_or(|at| at.elapsed() >= REPEAT) => {
                self.logged = Some(Instant::now());
                tracing::error!(error, "alarms about backups can't be raised");
            }
            (None, Some(_)) => {
                self.logged = None;
                tracing::info!("alarms about backups can be raised again");
            }
            _ => {}
        }
    }
}
