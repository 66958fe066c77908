//! The rules: from facts to a report. Nothing here reads a clock or a database.

use chrono::{DateTime, TimeDelta, Utc};

use super::HealthSettings;
use super::code::{HealthCode, HealthReason, HealthStatus};
use super::facts::{HealthFacts, StoreFacts};
use super::report::{BackupContent, HealthReport, KeyHealth, LastBackup, StoreHealth};
use crate::entity::schedule_run::CANCELLED;
use crate::operations::{BackupSurvey, VerifiedBackup};
use crate::schedule::{LastRun, RunState, ScheduleStatus, ScheduleStatuses};

/// How old the last backup may be where no schedule and no setting says it.
const UNSCHEDULED_AGE: TimeDelta = TimeDelta::days(7);

/// How long after its time a run may wait for a copy of the service to make it.
const STALLED_AFTER: TimeDelta = TimeDelta::minutes(15);

/// With room for fewer archives of the last size the store is almost full.
const FEW_ARCHIVES: u64 = 10;

/// Evaluates the facts.
pub(super) fn evaluate(facts: HealthFacts, settings: &HealthSettings) -> HealthReport {
    let HealthFacts {
        now,
        schedules,
        store,
        key,
    } = facts;
    let last_backup = last_backup(&store);
    let backup_expected_since = expected_since(now, &schedules, settings);
    let mut reasons = Vec::new();
    if let StoreFacts::Unreachable { problem, .. } = &store {
        let detail = format!("The store of archives can't be used: {problem}. Backups and changes are refused.");
        reasons.push(HealthReason::failing(HealthCode::StoreUnavailable, detail));
    }
    reasons.extend(of_age(
        now,
        last_backup.as_ref(),
        backup_expected_since,
        &schedules,
        settings,
    ));
    reasons.extend(of_schedules(now, last_backup.as_ref(), &schedules));
    let survey = match store {
        StoreFacts::Reachable(survey) => {
            reasons.extend(of_verifications(now, &survey, &schedules, settings));
            reasons.extend(of_room(&survey));
            Some(survey)
        }
        StoreFacts::Unreachable { .. } => None,
    };
    reasons.extend(of_key(key, last_backup.as_ref()));
    // Stable, so that reasons of one severity stay in the order of the rules.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    HealthReport {
        status: HealthStatus::of(&reasons),
        reasons,
        checked_at: now,
        last_backup,
        backup_expected_since,
        last_verified: survey.as_ref().and_then(|survey| survey.last_verified.clone()),
        next_run: schedules
            .enabled
            .iter()
            .filter_map(|schedule| schedule.next_run_at)
            .min(),
        store: StoreHealth {
            is_reachable: survey.is_some(),
            free_bytes: survey.as_ref().and_then(|survey| survey.free_bytes),
            usage: survey.map(|survey| survey.usage),
        },
        key,
    }
}

fn last_backup(store: &StoreFacts) -> Option<LastBackup> {
    match store {
        StoreFacts::Reachable(survey) => survey.last_backup.as_ref().map(|manifest| LastBackup {
            archive_id: manifest.id.clone(),
            at: manifest.created_at,
            content: Some(BackupContent {
                bytes: manifest.object.size,
                rows: manifest.rows.clone(),
            }),
        }),
        StoreFacts::Unreachable { last_recorded, .. } => last_recorded.clone().map(|(archive_id, at)| LastBackup {
            archive_id,
            at,
            content: None,
        }),
    }
}

/// The time since which there should be a backup: by the setting, or else by the schedules.
fn expected_since(
    now: DateTime<Utc>,
    schedules: &ScheduleStatuses,
    settings: &HealthSettings,
) -> Option<DateTime<Utc>> {
    match settings.stale_after {
        Some(stale_after) => Some(now - stale_after),
        None => schedules.enabled.iter().filter_map(|schedule| schedule.expected).max(),
    }
}

/// Whether there was a backup since a time.
fn is_backed_up_since(last_backup: Option<&LastBackup>, time: DateTime<Utc>) -> bool {
    last_backup.is_some_and(|last| last.at >= time)
}

fn of_age(
    now: DateTime<Utc>,
    last_backup: Option<&LastBackup>,
    expected_since: Option<DateTime<Utc>>,
    schedules: &ScheduleStatuses,
    settings: &HealthSettings,
) -> Option<HealthReason> {
    let Some(last) = last_backup else {
        let detail = "There is no backup yet that this installation has created.";
        return Some(match expected_since {
            Some(_) => HealthReason::failing(HealthCode::NeverBackedUp, detail),
            None => HealthReason::warning(HealthCode::NeverBackedUp, detail),
        });
    };
    let made = format!("The last backup is of {}", moment(last.at));
    match expected_since {
        Some(since) if last.at < since => {
            let detail = match settings.stale_after {
                Some(_) => format!(
                    "{made}. The settings say that it must not be older than {}.",
                    moment(since)
                ),
                None => format!(
                    "{made}. A scheduled backup was due at {}, and none was made since.",
                    moment(since)
                ),
            };
            Some(HealthReason::failing(HealthCode::BackupStale, detail))
        }
        None if schedules.enabled.is_empty() && now - last.at > UNSCHEDULED_AGE => {
            let detail = format!("{made}, and no schedule makes another one.");
            Some(HealthReason::warning(HealthCode::BackupStale, detail))
        }
        _ => None,
    }
}

fn of_schedules(
    now: DateTime<Utc>,
    last_backup: Option<&LastBackup>,
    schedules: &ScheduleStatuses,
) -> Vec<HealthReason> {
    let enabled = &schedules.enabled;
    if enabled.is_empty() {
        let reason = match schedules.disabled {
            0 => HealthReason::warning(
                HealthCode::NoSchedule,
                "There is no schedule, so backups are created only on request.",
            ),
            _ => HealthReason::warning(
                HealthCode::SchedulesDisabled,
                "All schedules are disabled, so backups are created only on request.",
            ),
        };
        return vec![reason];
    }
    let failed = |schedule: &ScheduleStatus| {
        let run = ended_in(schedule, RunState::Failed).filter(|run| run.archive_id.is_none())?;
        (!is_backed_up_since(last_backup, run.at)).then(|| {
            let detail = format!(
                "The backup of the schedule \u{201c}{}\u{201d} that was due at {} has failed: {}",
                schedule.name,
                moment(run.at),
                run.fault
                    .as_ref()
                    .map_or("it was cancelled.", |fault| fault.detail.as_str())
            );
            match run.fault.as_ref().is_some_and(|fault| fault.code == CANCELLED) {
                true => HealthReason::warning(HealthCode::BackupFailed, detail),
                false => HealthReason::failing(HealthCode::BackupFailed, detail),
            }
        })
    };
    let missed = |schedule: &ScheduleStatus| {
        // A run that was missed because the schedule was disabled says nothing.
        let run = ended_in(schedule, RunState::Missed).filter(|run| run.at >= schedule.changed_at)?;
        (!is_backed_up_since(last_backup, run.at)).then(|| {
            let detail = format!(
                "The backup of the schedule \u{201c}{}\u{201d} that was due at {} was not made: the service did not run.",
                schedule.name,
                moment(run.at)
            );
            HealthReason::warning(HealthCode::RunMissed, detail)
        })
    };
    let stalled = |schedule: &ScheduleStatus| {
        let due = waiting_since(schedule).filter(|due| now - *due > STALLED_AFTER)?;
        let detail = format!(
            "A backup of the schedule \u{201c}{}\u{201d} is due since {}, and no copy of the service makes it.",
            schedule.name,
            moment(due)
        );
        Some(HealthReason::failing(HealthCode::SchedulerStalled, detail))
    };
    // One reason for each code, of the first schedule that has it.
    [
        enabled.iter().find_map(failed),
        enabled.iter().find_map(stalled),
        enabled.iter().find_map(missed),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The last run of a schedule, if it has ended in that state.
fn ended_in(schedule: &ScheduleStatus, state: RunState) -> Option<&LastRun> {
    schedule.ended.as_ref().filter(|run| run.state == state)
}

/// The time since which a copy of the service could do something for a schedule.
fn waiting_since(schedule: &ScheduleStatus) -> Option<DateTime<Utc>> {
    match &schedule.active {
        None => schedule.next_run_at,
        Some(run) if run.state == RunState::Waiting => Some(run.retry_at.unwrap_or(run.at)),
        // Its job runs, and is reaped if its process has ended.
        Some(_) => None,
    }
}

fn of_verifications(
    now: DateTime<Utc>,
    survey: &BackupSurvey,
    schedules: &ScheduleStatuses,
    settings: &HealthSettings,
) -> Vec<HealthReason> {
    let last = survey.last_verified.as_ref();
    let age = match last {
        None if survey.last_backup.is_none() => None,
        None => Some(HealthReason::warning(
            HealthCode::NeverVerified,
            "No backup was verified since it was created. Only a verification shows that it can be restored.",
        )),
        Some(last) if now - last.at > settings.verify_stale_after => Some(HealthReason::warning(
            HealthCode::VerificationStale,
            format!("The last verification of a backup was at {}.", moment(last.at)),
        )),
        Some(_) => None,
    };
    let damaged = survey.damaged.as_ref().map(|damaged| {
        let VerifiedBackup { archive_id, at, .. } = damaged;
        let detail = format!(
            "The backup {archive_id} is damaged: its verification at {} has failed.",
            moment(*at)
        );
        HealthReason::failing(HealthCode::VerificationFailed, detail)
    });
    let scheduled = || {
        schedules.enabled.iter().find_map(|schedule| {
            let run = ended_in(schedule, RunState::Failed).filter(|run| run.archive_id.is_some())?;
            let is_verified_since = last.is_some_and(|last| last.at >= run.ended_at.unwrap_or(run.at));
            (!is_verified_since).then(|| {
                let detail = format!(
                    "The verification of the schedule \u{201c}{}\u{201d} that was due at {} has failed: {}",
                    schedule.name,
                    moment(run.at),
                    run.fault
                        .as_ref()
                        .map_or("it was cancelled.", |fault| fault.detail.as_str())
                );
                HealthReason::failing(HealthCode::VerificationFailed, detail)
            })
        })
    };
    damaged.or_else(scheduled).into_iter().chain(age).collect()
}

fn of_room(survey: &BackupSurvey) -> Option<HealthReason> {
    let free = survey.free_bytes?;
    let (size, needed) = (
        survey.last_backup.as_ref().map_or(0, |last| last.object.size),
        survey.next_archive_bytes(),
    );
    if free < needed {
        let detail = format!("The store has no room for another backup: {} MiB are free.", free >> 20);
        return Some(HealthReason::failing(HealthCode::StoreFull, detail));
    }
    (free < size.saturating_mul(FEW_ARCHIVES)).then(|| {
        let detail = format!(
            "The store has room for about {} more backups: {} MiB are free.",
            free / size.max(1),
            free >> 20
        );
        HealthReason::warning(HealthCode::StoreAlmostFull, detail)
    })
}

fn of_key(key: KeyHealth, last_backup: Option<&LastBackup>) -> Option<HealthReason> {
    let last = last_backup.filter(|_| key.opens_last_backup == Some(false))?;
    let detail = format!(
        "None of the keys of the settings opens the last backup, {}. Without its key it can't be restored.",
        last.archive_id
    );
    Some(HealthReason::failing(HealthCode::KeyUnusable, detail))
}

/// A time for people.
fn moment(time: DateTime<Utc>) -> impl std::fmt::Display {
    time.format("%Y-%m-%d %H:%M UTC")
}

#[cfg(test)]
mod tests;
