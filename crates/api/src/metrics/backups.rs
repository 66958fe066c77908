//! The metrics of the backups and of the database.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use campus_backup_domain::Database;
use campus_backup_domain::destination::{CopyCounts, DestinationStatus};
use campus_backup_domain::health::{HealthCode, HealthReport, HealthStatus};
use chrono::{DateTime, Utc};
use metrics::gauge;

use super::list::{
    ARCHIVES, CONNECTIONS, DESTINATION_COPIES, DESTINATION_LAST_COPY, HEALTH_CHECKED, HEALTH_REASON, HEALTH_STATUS,
    LAST_BYTES, LAST_ROWS, LAST_SUCCESS, LAST_VERIFICATION, MAX_CONNECTIONS, NEXT_RUN, STORED_BYTES, SUCCESS_EXPECTED,
};

/// The names of destinations that have been measured. A metric can't be removed, so those of a deleted one become 0.
static MEASURED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Sets everything that a report of the health says.
pub(crate) fn health(report: &HealthReport) {
    for status in HealthStatus::ALL {
        gauge!(HEALTH_STATUS, "status" => status.name()).set(one_if(report.status == status));
    }
    for code in HealthCode::ALL {
        gauge!(HEALTH_REASON, "code" => code.name()).set(one_if(report.reason(*code).is_some()));
    }
    gauge!(HEALTH_CHECKED).set(seconds(Some(report.checked_at)));
    let last = report.last_backup.as_ref();
    gauge!(LAST_SUCCESS).set(seconds(last.map(|last| last.at)));
    gauge!(SUCCESS_EXPECTED).set(seconds(report.backup_expected_since));
    gauge!(LAST_VERIFICATION).set(seconds(report.last_verified.as_ref().map(|last| last.at)));
    gauge!(NEXT_RUN).set(seconds(report.next_run));
    let content = last.and_then(|last| last.content.as_ref());
    gauge!(LAST_BYTES).set(content.map_or(f64::NAN, |content| content.bytes as f64));
    for (table, rows) in content.iter().flat_map(|content| &content.rows) {
        gauge!(LAST_ROWS, "table" => table.clone()).set(*rows as f64);
    }
    for usage in report.store.usage.iter().flatten() {
        let kind = usage.kind.name();
        gauge!(ARCHIVES, "kind" => kind).set(usage.archives as f64);
        gauge!(STORED_BYTES, "kind" => kind).set(usage.bytes as f64);
    }
    destinations(&report.destinations);
}

fn destinations(destinations: &[DestinationStatus]) {
    let mut measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    measured.extend(destinations.iter().map(|destination| destination.name.clone()));
    for name in measured.iter() {
        let destination = destinations.iter().find(|destination| destination.name == *name);
        let copies = destination.map_or_else(CopyCounts::default, |destination| destination.copies);
        for (state, count) in copies.by_state() {
            gauge!(DESTINATION_COPIES, "destination" => name.clone(), "state" => state).set(count as f64);
        }
        let copied_at = destination.and_then(|destination| destination.last_copied_at);
        gauge!(DESTINATION_LAST_COPY, "destination" => name.clone()).set(seconds(copied_at));
    }
}

/// Sets how many connections the pools have.
pub(crate) fn database_pools(database: &Database) {
    for usage in database.pool_usage() {
        let pool = usage.pool;
        gauge!(CONNECTIONS, "pool" => pool, "state" => "in_use").set(f64::from(usage.in_use));
        gauge!(CONNECTIONS, "pool" => pool, "state" => "idle").set(f64::from(usage.idle));
        gauge!(MAX_CONNECTIONS, "pool" => pool).set(f64::from(usage.max));
    }
}

fn one_if(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// Seconds since 1970; NaN for a time that is not known.
fn seconds(time: Option<DateTime<Utc>>) -> f64 {
    time.map_or(f64::NAN, |time| time.timestamp_millis() as f64 / 1_000.0)
}
