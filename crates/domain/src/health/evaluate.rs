//! The rules: from facts to a report. Nothing here reads a clock or a database.

use chrono::{DateTime, TimeDelta, Utc};

use super::HealthSettings;
use super::code::{HealthCode, HealthReason, HealthStatus};
use super::facts::{HealthFacts, StoreFacts};
use super::report::{BackupContent, HealthReport, KeyHealth, LastBackup, StoreHealth};
use crate::destination::DestinationStatus;
use crate::entity::schedule_run::CANCELLED;
use crate::notify::{NotificationStatus, SecretState};
use crate::operations::{BackupSurvey, SuspiciousBackup, VerifiedBackup};
use crate::plural::counted;
use crate::schedule::{LastRun, RunState, ScheduleStatus, ScheduleStatuses};

/// How old the last backup may be where no schedule and no setting says it.
const UNSCHEDULED_AGE: TimeDelta = TimeDelta::days(7);

/// How long after its time a run may wait for a copy of the service to make it.
const STALLED_AFTER: TimeDelta = TimeDelta::minutes(15);

/// How long messages of a notification may wait. The pauses between the attempts are shorter than that for the first hours.
const UNDELIVERED_AFTER: TimeDelta = TimeDelta::hours(4);

/// With room for fewer archives of the last size the store is almost full.
const FEW_ARCHIVES: u64 = 10;

/// Evaluates the facts.
pub(super) fn evaluate(facts: HealthFacts, settings: &HealthSettings) -> HealthReport {
    let HealthFacts {
        now,
        schedules,
        store,
        key,
        held,
        notifications,
        destinations,
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
            reasons.extend(of_verifications(now, &survey, &schedules, key, settings));
            reasons.extend(of_suspicion(&survey.suspicious));
            reasons.extend(of_room(&survey));
            reasons.extend(of_identity(key, &survey));
            Some(survey)
        }
        StoreFacts::Unreachable { .. } => None,
    };
    reasons.extend(of_key(key, last_backup.as_ref()));
    reasons.extend(held.map(|held| {
        let detail = format!("Archives that are due for deletion stay for now. {}", held.detail);
        HealthReason::warning(HealthCode::RetentionHeld, detail)
    }));
    reasons.extend(of_deliveries(now, &notifications));
    reasons.extend(of_secrets(&notifications));
    reasons.extend(of_destinations(now, &destinations, settings));
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
        store: StoreHealth::of(survey.as_ref()),
        key,
        destinations,
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
    key: KeyHealth,
    settings: &HealthSettings,
) -> Vec<HealthReason> {
    let last = survey.last_verified.as_ref();
    let age = match last {
        // Only a person with the identity can verify. `needs_identity` of the key says so.
        _ if key.needs_identity => None,
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

fn of_suspicion(suspicious: &[SuspiciousBackup]) -> Option<HealthReason> {
    let newest = suspicious.first()?;
    let others = match suspicious.len() - 1 {
        0 => String::new(),
        others => format!(" {others} more wait, too."),
    };
    let detail = format!(
        "The backup of {} looks suspicious and waits until an administrator accepts it: {}.{others}",
        moment(newest.at),
        newest.findings.join("; ").trim_end_matches('.')
    );
    Some(HealthReason::warning(HealthCode::ArchiveSuspicious, detail))
}

/// The notifications whose messages are not delivered. Each is a way that does not depend on the others, so one that works reports
/// it, and the health says it in any case.
fn of_deliveries(now: DateTime<Utc>, notifications: &[NotificationStatus]) -> Option<HealthReason> {
    let undelivered = notifications.iter().filter_map(|notification| {
        let since = notification.undelivered_since?;
        (now - since > UNDELIVERED_AFTER).then(|| {
            let error = notification
                .last_error
                .as_deref()
                .unwrap_or("No copy of the service sends them.");
            format!("\u{201c}{}\u{201d} since {}: {error}", notification.name, moment(since))
        })
    });
    let undelivered: Vec<_> = undelivered.collect();
    (!undelivered.is_empty()).then(|| {
        let detail = format!("Messages of notifications are not delivered. {}", undelivered.join(" "));
        HealthReason::warning(HealthCode::NotificationsFailing, detail)
    })
}

fn of_secrets(notifications: &[NotificationStatus]) -> Option<HealthReason> {
    let unreadable = notifications
        .iter()
        .filter(|notification| notification.secret == SecretState::Unreadable);
    let names: Vec<_> = unreadable
        .map(|notification| format!("\u{201c}{}\u{201d}", notification.name))
        .collect();
    (!names.is_empty()).then(|| {
        let detail = format!(
            "The key of secrets does not open the secrets of the webhooks {}, so their messages can't be signed and are not sent.",
            names.join(", ")
        );
        HealthReason::warning(HealthCode::SecretsKeyUnusable, detail)
    })
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
    let last = last_backup.filter(|_| key.opens_last_backup == Some(false) && !key.needs_identity)?;
    let detail = format!(
        "None of the keys of the settings opens the last backup, {}. Without its key it can't be restored.",
        last.archive_id
    );
    Some(HealthReason::failing(HealthCode::KeyUnusable, detail))
}

/// With public keys alone, a lost secret key is not noticed before a restore.
fn of_identity(key: KeyHealth, survey: &BackupSurvey) -> Option<HealthReason> {
    let is_unproven = key.needs_identity && survey.last_backup.is_some() && !survey.is_identity_proven;
    is_unproven.then(|| {
        HealthReason::warning(
            HealthCode::IdentityUnproven,
            "No verification has proven yet that a secret key opens the backups. Verify a backup with the secret key.",
        )
    })
}

/// One reason for all destinations that fail, with the worst severity and the words of the first.
fn of_destinations(
    now: DateTime<Utc>,
    destinations: &[DestinationStatus],
    settings: &HealthSettings,
) -> Option<HealthReason> {
    let of_one = |destination: &DestinationStatus| {
        let copies = destination.copies;
        // A first copy of many archives may take days, so each one that arrives counts.
        let since = destination
            .waiting_since
            .map(|waiting| destination.last_copied_at.map_or(waiting, |copied| copied.max(waiting)));
        let is_stale = since.is_some_and(|since| now - since > settings.destination_stale_after);
        let has_failed = destination.failing_since.is_some() || copies.failed > 0 || destination.failed_deletions > 0;
        if !is_stale && !has_failed {
            return None;
        }
        let why = match &destination.last_error {
            Some(error) => format!(" {error}"),
            None => String::new(),
        };
        let waiting = copies.pending + copies.failed;
        let what = match (waiting, is_stale.then_some(since).flatten()) {
            (0, _) => "does not work".to_owned(),
            (waiting, Some(since)) => format!(
                "lacks {}, and has received none since {}",
                counted(waiting, "backup"),
                moment(since)
            ),
            (waiting, None) => format!("lacks {}", counted(waiting, "backup")),
        };
        let detail = format!(
            "The destination \u{201c}{}\u{201d} {what}.{why} The backups are in the first store.",
            destination.name
        );
        Some(match is_stale {
            true => HealthReason::failing(HealthCode::DestinationFailing, detail),
            false => HealthReason::warning(HealthCode::DestinationFailing, detail),
        })
    };
    let failing = destinations.iter().filter(|destination| destination.enabled);
    let mut failing: Vec<_> = failing.filter_map(of_one).collect();
    failing.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    let others = failing.len().saturating_sub(1);
    let mut reason = failing.into_iter().next()?;
    match others {
        0 => {}
        1 => reason.detail += " Another destination fails, too.",
        others => reason.detail += &format!(" {others} other destinations fail, too."),
    }
    Some(reason)
}

/// A time for people.
fn moment(time: DateTime<Utc>) -> impl std::fmt::Display {
    time.format("%Y-%m-%d %H:%M UTC")
}

#[cfg(test)]
mod tests;
