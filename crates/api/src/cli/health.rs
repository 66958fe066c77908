//! `campus-backup health --backups`: the health of the backups, without the service.

use campus_backup_domain::health::{HealthReport, HealthStatus, Severity};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::cli::args::CommonSettings;
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::with_state;
use crate::installation::Installation;

/// Reads the state of the backups from the database and the store, as the service does.
pub(super) fn backups(json: bool, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::Database, async |state| {
        let report = state.health.check().await;
        let failing = failing(&report);
        match Report::of(json, common.quiet) {
            Report::Json => print_json(&report)?,
            Report::Text => print_report(&report)?,
            Report::Quiet => {}
        }
        match failing {
            Some(reasons) => Err(ExitError::BackupsFailing { reasons }),
            None => Ok(()),
        }
    })
}

/// The codes of the reasons for which the health is failing, if it is.
fn failing(report: &HealthReport) -> Option<String> {
    let failing = report
        .reasons
        .iter()
        .filter(|reason| reason.severity == Severity::Failing);
    let codes: Vec<_> = failing.map(|reason| reason.code.name()).collect();
    (report.status == HealthStatus::Failing).then(|| codes.join(", "))
}

fn print_report(report: &HealthReport) -> Result<(), ExitError> {
    print(report.status.name())?;
    for reason in &report.reasons {
        print(&format!("{}: {}", reason.code.name(), reason.detail))?;
    }
    let last = report.last_backup.as_ref();
    let last = last.map(|last| format!("{}  {}", moment(last.at), last.archive_id));
    print(&format!(
        "last backup        {}",
        last.unwrap_or_else(|| "none".to_owned())
    ))?;
    let verified = report.last_verified.as_ref();
    let verified = verified.map(|last| format!("{}  {}  {}", moment(last.at), last.archive_id, last.level.name()));
    print(&format!(
        "last verification  {}",
        verified.unwrap_or_else(|| "none".to_owned())
    ))?;
    let next = report.next_run.map(moment);
    print(&format!(
        "next run           {}",
        next.unwrap_or_else(|| "none".to_owned())
    ))?;
    report.destinations.iter().try_for_each(|destination| {
        let copied = destination.last_copied_at.map(moment);
        print(&format!(
            "last copy          {}  {}",
            copied.unwrap_or_else(|| "none".to_owned()),
            destination.name
        ))
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
