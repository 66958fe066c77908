//! Each rule, and the moment at which it begins to hold.

use std::sync::Arc;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::VerificationLevel;

use super::super::facts::GRACE;
use super::*;
use crate::destination::CopyCounts;
use crate::entity::alarm::Severity;
use crate::job::Fault;
use crate::retention::{HoldCode, RetentionHold};

const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);
const DAY: TimeDelta = TimeDelta::days(1);

fn noon() -> DateTime<Utc> {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

/// A backup of this moment, of 1 MiB.
fn backup(created_at: DateTime<Utc>) -> Arc<Manifest> {
    let json = serde_json::json!({
        "format": "campus-backup-manifest", "version": 1, "id": "2026-11-28T02-00-00Z-5f1c2a9b",
        "created_at": created_at, "app_version": "1.2.3", "engine": "sqlite", "archive_version": 1, "kind": "created",
        "rows": {"students": 3, "users": 1}, "total": 4, "sha256": {}, "totals": {}, "digest": "",
        "object": {"size": 1 << 20, "sha256": "", "compression": "zstd", "encryption": "none"},
        "contains_password_hashes": true,
    });
    Arc::new(Manifest::from_json(json.to_string().as_bytes()).unwrap())
}

fn verified(at: DateTime<Utc>) -> VerifiedBackup {
    VerifiedBackup {
        archive_id: "2026-11-28T02-00-00Z-5f1c2a9b".to_owned(),
        at,
        level: VerificationLevel::Digest,
    }
}

/// An enabled schedule whose next run is in an hour, and which expects a backup since `expected`.
fn schedule(expected: Option<DateTime<Utc>>) -> ScheduleStatus {
    ScheduleStatus {
        name: "Every night".to_owned(),
        changed_at: noon() - DAY * 30,
        next_run_at: Some(noon() + TimeDelta::hours(1)),
        expected,
        active: None,
        ended: None,
    }
}

fn run(at: DateTime<Utc>, state: RunState) -> LastRun {
    LastRun {
        at,
        state,
        failed_attempts: 0,
        retry_at: None,
        job_id: None,
        verify_job_id: None,
        archive_id: None,
        fault: Some(Fault {
            code: "store_unavailable".to_owned(),
            detail: "The store can't be reached.".to_owned(),
        }),
        ended_at: state.has_ended().then_some(at + TimeDelta::hours(2)),
    }
}

/// All is well: a backup and a verification of the last night.
fn well() -> HealthFacts {
    let night = noon() - TimeDelta::hours(10);
    HealthFacts {
        now: noon(),
        schedules: ScheduleStatuses {
            enabled: vec![schedule(Some(night))],
            disabled: 0,
        },
        store: StoreFacts::Reachable(BackupSurvey {
            last_backup: Some(backup(night)),
            last_verified: Some(verified(night)),
            free_bytes: Some(1 << 40),
            ..BackupSurvey::default()
        }),
        key: KeyHealth::default(),
        held: None,
        notifications: vec![delivered("Office")],
        destinations: vec![destination()],
    }
}

/// A notification without a problem.
fn delivered(name: &str) -> NotificationStatus {
    NotificationStatus {
        name: name.to_owned(),
        undelivered_since: None,
        last_error: None,
        secret: SecretState::Readable,
    }
}

/// A destination that has all backups.
fn destination() -> DestinationStatus {
    DestinationStatus {
        id: 1,
        name: "Off-site".to_owned(),
        enabled: true,
        copies: CopyCounts {
            copied: 31,
            ..CopyCounts::default()
        },
        waiting_since: None,
        last_copied_at: Some(noon() - TimeDelta::hours(10)),
        failing_since: None,
        last_error: None,
        failed_deletions: 0,
    }
}

/// The facts with a change of the destination.
fn with_destination(change: impl FnOnce(&mut DestinationStatus)) -> HealthFacts {
    let mut facts = well();
    change(&mut facts.destinations[0]);
    facts
}

/// The facts with a change of the survey.
fn with_survey(change: impl FnOnce(&mut BackupSurvey)) -> HealthFacts {
    let mut facts = well();
    if let StoreFacts::Reachable(survey) = &mut facts.store {
        change(survey);
    }
    facts
}

/// The facts with a change of the schedule.
fn with_schedule(change: impl FnOnce(&mut ScheduleStatus)) -> HealthFacts {
    let mut facts = well();
    change(&mut facts.schedules.enabled[0]);
    facts
}

fn without_schedules(disabled: usize) -> HealthFacts {
    HealthFacts {
        schedules: ScheduleStatuses {
            enabled: Vec::new(),
            disabled,
        },
        ..well()
    }
}

fn found_with(facts: HealthFacts, settings: HealthSettings) -> Vec<(HealthCode, Severity)> {
    let report = evaluate(facts, &settings);
    assert_eq!(report.status, HealthStatus::of(&report.reasons));
    report
        .reasons
        .iter()
        .map(|reason| (reason.code, reason.severity))
        .collect()
}

fn found(facts: HealthFacts) -> Vec<(HealthCode, Severity)> {
    found_with(facts, HealthSettings::default())
}

fn warning(code: HealthCode) -> Vec<(HealthCode, Severity)> {
    vec![(code, Severity::Warning)]
}

fn failing(code: HealthCode) -> Vec<(HealthCode, Severity)> {
    vec![(code, Severity::Failing)]
}

#[test]
fn nothing_is_wrong_after_a_night_with_a_verified_backup() {
    let report = evaluate(well(), &HealthSettings::default());
    assert_eq!((report.status, report.reasons.as_slice()), (HealthStatus::Ok, &[][..]));
    assert_eq!(report.next_run, Some(noon() + TimeDelta::hours(1)));
    assert_eq!(report.backup_expected_since, Some(noon() - TimeDelta::hours(10)));
    let last = report.last_backup.unwrap();
    assert_eq!(
        (last.at, last.content.unwrap().rows["students"]),
        (noon() - TimeDelta::hours(10), 3)
    );
    assert!(report.store.is_reachable);
}

#[test]
fn first_start_without_a_schedule_is_a_warning() {
    let mut facts = without_schedules(0);
    facts.store = StoreFacts::Reachable(BackupSurvey::default());
    assert_eq!(
        found(facts),
        [
            (HealthCode::NeverBackedUp, Severity::Warning),
            (HealthCode::NoSchedule, Severity::Warning)
        ]
    );
    assert_eq!(found(without_schedules(2)), warning(HealthCode::SchedulesDisabled));
}

#[test]
fn no_backup_at_all_is_failing_as_soon_as_one_is_expected() {
    let none = |expected| {
        let mut facts = with_survey(|survey| survey.last_backup = None);
        facts.schedules.enabled[0].expected = expected;
        found(facts)
    };
    assert_eq!(none(None), warning(HealthCode::NeverBackedUp));
    assert_eq!(none(Some(noon() - GRACE)), failing(HealthCode::NeverBackedUp));
}

#[test]
fn backup_is_stale_if_it_is_older_than_the_last_expected_run() {
    let of = |age: TimeDelta| {
        let mut facts = with_survey(|survey| survey.last_backup = Some(backup(noon() - age)));
        facts
            .schedules
            .enabled
            .push(schedule(Some(noon() - TimeDelta::hours(4))));
        found(facts)
    };
    assert_eq!(of(TimeDelta::hours(4)), []);
    assert_eq!(of(TimeDelta::hours(4) + MICROSECOND), failing(HealthCode::BackupStale));
}

#[test]
fn setting_takes_the_place_of_the_schedules() {
    let settings = HealthSettings {
        stale_after: Some(TimeDelta::hours(26)),
        ..HealthSettings::default()
    };
    let of = |age: TimeDelta, mut facts: HealthFacts| {
        if let StoreFacts::Reachable(survey) = &mut facts.store {
            survey.last_backup = Some(backup(noon() - age));
        }
        found_with(facts, settings)
    };
    assert_eq!(of(TimeDelta::hours(26), well()), []);
    let beyond = TimeDelta::hours(26) + MICROSECOND;
    assert_eq!(of(beyond, well()), failing(HealthCode::BackupStale));
    assert_eq!(of(beyond, without_schedules(0))[0], failing(HealthCode::BackupStale)[0]);
}

#[test]
fn backup_without_a_schedule_is_only_a_warning_after_a_week() {
    let of = |age: TimeDelta| {
        let mut facts = without_schedules(0);
        if let StoreFacts::Reachable(survey) = &mut facts.store {
            survey.last_backup = Some(backup(noon() - age));
        }
        found(facts)
    };
    assert_eq!(of(DAY * 7), warning(HealthCode::NoSchedule));
    assert_eq!(
        of(DAY * 7 + MICROSECOND),
        [
            (HealthCode::BackupStale, Severity::Warning),
            (HealthCode::NoSchedule, Severity::Warning)
        ]
    );
}

#[test]
fn failed_run_is_failing_until_there_is_a_newer_backup() {
    let night = noon() - TimeDelta::hours(10);
    let of = |at: DateTime<Utc>| {
        found(with_schedule(|schedule| {
            schedule.ended = Some(run(at, RunState::Failed))
        }))
    };
    assert_eq!(of(night), []);
    assert_eq!(of(night + MICROSECOND), failing(HealthCode::BackupFailed));
    // Another run in progress does not hide it.
    let facts = with_schedule(|schedule| {
        schedule.ended = Some(run(noon() - TimeDelta::hours(1), RunState::Failed));
        schedule.active = Some(run(noon(), RunState::Running));
    });
    let report = evaluate(facts, &HealthSettings::default());
    assert_eq!(report.reasons[0].code, HealthCode::BackupFailed);
    assert!(
        report.reasons[0].detail.contains("The store can't be reached."),
        "{report:?}"
    );
}

#[test]
fn missed_run_is_a_warning_unless_the_schedule_was_disabled_since() {
    let of = |at: DateTime<Utc>| {
        found(with_schedule(|schedule| {
            schedule.ended = Some(run(at, RunState::Missed))
        }))
    };
    assert_eq!(of(noon() - TimeDelta::hours(1)), warning(HealthCode::RunMissed));
    assert_eq!(of(noon() - TimeDelta::hours(10)), []);
    let facts = with_schedule(|schedule| {
        schedule.ended = Some(run(noon() - TimeDelta::hours(1), RunState::Missed));
        schedule.changed_at = noon() - TimeDelta::minutes(59);
    });
    assert_eq!(found(facts), []);
}

#[test]
fn run_that_no_copy_makes_is_failing() {
    let of = |waits: TimeDelta| found(with_schedule(|schedule| schedule.next_run_at = Some(noon() - waits)));
    assert_eq!(of(STALLED_AFTER), []);
    assert_eq!(of(STALLED_AFTER + MICROSECOND), failing(HealthCode::SchedulerStalled));
    let with_run = |state, retry_at| {
        found(with_schedule(|schedule| {
            schedule.next_run_at = Some(noon() - DAY);
            schedule.active = Some(LastRun {
                retry_at,
                ..run(noon() - DAY, state)
            });
        }))
    };
    // A long backup keeps the next run waiting.
    assert_eq!(with_run(RunState::Running, None), []);
    assert_eq!(with_run(RunState::Waiting, Some(noon() - STALLED_AFTER)), []);
    let overdue = Some(noon() - STALLED_AFTER - MICROSECOND);
    assert_eq!(
        with_run(RunState::Waiting, overdue),
        failing(HealthCode::SchedulerStalled)
    );
    assert_eq!(with_run(RunState::Waiting, None), failing(HealthCode::SchedulerStalled));
}

#[test]
fn verification_is_stale_after_its_time() {
    let of = |age: TimeDelta| {
        found(with_survey(|survey| {
            survey.last_verified = Some(verified(noon() - age))
        }))
    };
    assert_eq!(of(DAY * 31), []);
    assert_eq!(of(DAY * 31 + MICROSECOND), warning(HealthCode::VerificationStale));
    assert_eq!(
        found(with_survey(|survey| survey.last_verified = None)),
        warning(HealthCode::NeverVerified)
    );
}

#[test]
fn failed_verification_is_failing_until_one_succeeds() {
    let damaged = with_survey(|survey| survey.damaged = Some(verified(noon())));
    assert_eq!(found(damaged), failing(HealthCode::VerificationFailed));
    let of = |ended_at: DateTime<Utc>| {
        found(with_schedule(|schedule| {
            schedule.ended = Some(LastRun {
                archive_id: Some("2026-11-28T02-00-00Z-5f1c2a9b".to_owned()),
                ended_at: Some(ended_at),
                ..run(noon() - TimeDelta::hours(11), RunState::Failed)
            });
        }))
    };
    let night = noon() - TimeDelta::hours(10);
    assert_eq!(of(night), []);
    assert_eq!(of(night + MICROSECOND), failing(HealthCode::VerificationFailed));
}

#[test]
fn store_without_an_answer_is_failing_and_the_records_tell_the_last_backup() {
    let facts = |last_recorded| HealthFacts {
        store: StoreFacts::Unreachable {
            problem: "the store of archives is not available".to_owned(),
            last_recorded,
        },
        ..well()
    };
    let recorded = Some(("2026-11-29T02-00-00Z-5f1c2a9b".to_owned(), noon()));
    let report = evaluate(facts(recorded.clone()), &HealthSettings::default());
    assert_eq!(found(facts(recorded)), failing(HealthCode::StoreUnavailable));
    assert_eq!(report.last_backup.unwrap().at, noon());
    assert_eq!((report.store.is_reachable, report.store.usage), (false, None));
    // Nothing is known of verifications then.
    assert_eq!(report.last_verified, None);
    assert_eq!(
        found(facts(None)),
        [
            (HealthCode::StoreUnavailable, Severity::Failing),
            (HealthCode::NeverBackedUp, Severity::Failing)
        ]
    );
}

#[test]
fn room_is_enough_for_ten_archives_of_the_last_size() {
    let of = |free| found(with_survey(|survey| survey.free_bytes = free));
    let archive = 1_u64 << 20;
    assert_eq!(of(None), []);
    assert_eq!(of(Some(10 * archive)), []);
    assert_eq!(of(Some(10 * archive - 1)), warning(HealthCode::StoreAlmostFull));
    // Twice the last one, and 4 MiB.
    assert_eq!(of(Some(6 * archive)), warning(HealthCode::StoreAlmostFull));
    assert_eq!(of(Some(6 * archive - 1)), failing(HealthCode::StoreFull));
}

#[test]
fn key_that_does_not_open_the_last_backup_is_failing() {
    let of = |opens_last_backup| {
        let key = KeyHealth {
            encrypts: true,
            opens_last_backup,
            needs_identity: false,
        };
        found(HealthFacts { key, ..well() })
    };
    assert_eq!(of(None), []);
    assert_eq!(of(Some(true)), []);
    assert_eq!(of(Some(false)), failing(HealthCode::KeyUnusable));
}

/// With public keys alone only a person can verify, so no verification is missed. Damage that a person finds is reported.
#[test]
fn service_without_a_key_warns_until_its_identity_is_proven() {
    let of = |change: fn(&mut BackupSurvey)| {
        let key = KeyHealth {
            encrypts: true,
            opens_last_backup: Some(false),
            needs_identity: true,
        };
        found(HealthFacts {
            key,
            ..with_survey(change)
        })
    };
    let old = of(|survey| {
        survey.is_identity_proven = true;
        survey.last_verified = Some(verified(noon() - DAY * 400));
    });
    assert_eq!(old, []);
    let damaged = of(|survey| {
        survey.is_identity_proven = true;
        survey.damaged = Some(verified(noon()));
    });
    assert_eq!(damaged, failing(HealthCode::VerificationFailed));
    // Until a verification has opened a backup, there may be no secret key at all.
    assert_eq!(of(|_| ()), warning(HealthCode::IdentityUnproven));
    assert_eq!(
        of(|survey| survey.last_verified = None),
        warning(HealthCode::IdentityUnproven)
    );
}

#[test]
fn suspicious_backup_is_a_warning_until_it_is_accepted() {
    let suspicious = |at| SuspiciousBackup {
        at,
        findings: vec!["students: 34 rows, 50 before".to_owned()],
    };
    let facts = with_survey(|survey| survey.suspicious = vec![suspicious(noon()), suspicious(noon() - DAY)]);
    let report = evaluate(facts.clone(), &HealthSettings::default());
    assert_eq!(found(facts), warning(HealthCode::ArchiveSuspicious));
    let detail = &report.reasons[0].detail;
    assert!(detail.contains("2026-11-29 12:00 UTC"), "{detail}");
    assert!(
        detail.ends_with("accepts it: students: 34 rows, 50 before. 1 more wait, too."),
        "{detail}"
    );
}

#[test]
fn hold_of_retention_is_a_warning() {
    let facts = HealthFacts {
        held: Some(RetentionHold {
            code: HoldCode::ClockBehind,
            detail: "The clock is behind.".to_owned(),
        }),
        ..well()
    };
    assert_eq!(found(facts), warning(HealthCode::RetentionHeld));
}

#[test]
fn messages_that_wait_for_hours_are_a_warning() {
    let of = |waits: TimeDelta, last_error: Option<&str>| {
        let mut facts = well();
        facts.notifications.push(NotificationStatus {
            undelivered_since: Some(noon() - waits),
            last_error: last_error.map(str::to_owned),
            ..delivered("Chat")
        });
        evaluate(facts, &HealthSettings::default()).reasons
    };
    assert_eq!(of(UNDELIVERED_AFTER, None), []);
    let reasons = of(UNDELIVERED_AFTER + MICROSECOND, Some("The server answered with 500."));
    assert_eq!(reasons.len(), 1);
    assert_eq!(
        (reasons[0].code, reasons[0].severity),
        (HealthCode::NotificationsFailing, Severity::Warning)
    );
    let detail = &reasons[0].detail;
    assert!(
        detail.ends_with("\u{201c}Chat\u{201d} since 2026-11-29 07:59 UTC: The server answered with 500."),
        "{detail}"
    );
    let reasons = of(UNDELIVERED_AFTER + MICROSECOND, None);
    assert!(
        reasons[0].detail.ends_with("No copy of the service sends them."),
        "{reasons:?}"
    );
}

#[test]
fn secret_that_the_key_does_not_open_is_a_warning() {
    let of = |secret| {
        let mut facts = well();
        facts.notifications.push(NotificationStatus {
            secret,
            ..delivered("Chat")
        });
        found(facts)
    };
    assert_eq!(of(SecretState::Unknown), []);
    assert_eq!(of(SecretState::Unreadable), warning(HealthCode::SecretsKeyUnusable));
}

#[test]
fn worst_reasons_come_first_and_each_code_once() {
    let night = noon() - TimeDelta::hours(1);
    let mut facts = with_survey(|survey| {
        survey.last_verified = None;
        survey.free_bytes = Some(0);
    });
    for _ in 0..2 {
        facts.schedules.enabled.push(ScheduleStatus {
            ended: Some(run(night, RunState::Failed)),
            ..schedule(None)
        });
    }
    assert_eq!(
        found(facts),
        [
            (HealthCode::BackupFailed, Severity::Failing),
            (HealthCode::StoreFull, Severity::Failing),
            (HealthCode::NeverVerified, Severity::Warning)
        ]
    );
}

#[test]
fn destination_that_fails_is_a_warning_and_then_failing() {
    let code = HealthCode::DestinationFailing;
    let waits = |failed, waiting_since, last_copied_at| {
        with_destination(|destination| {
            destination.copies.pending = 1;
            destination.copies.failed = failed;
            destination.waiting_since = Some(waiting_since);
            destination.last_copied_at = last_copied_at;
        })
    };
    let before = |age: TimeDelta| noon() - age;
    // A copy that waits is no fault.
    assert_eq!(found(waits(0, before(DAY), None)), []);
    assert_eq!(found(waits(1, before(DAY), None)), warning(code));
    assert_eq!(found(waits(0, before(DAY + MICROSECOND), None)), failing(code));
    assert_eq!(found(waits(1, before(DAY * 9), None)), failing(code));
    // The first copies of many archives take their time.
    assert_eq!(found(waits(0, before(DAY * 9), Some(before(DAY)))), []);
    assert_eq!(found(waits(1, before(DAY * 9), Some(before(DAY)))), warning(code));
    assert_eq!(found(waits(0, before(DAY * 9), Some(before(DAY * 2)))), failing(code));

    let unreachable = |destination: &mut DestinationStatus| destination.failing_since = Some(noon());
    assert_eq!(found(with_destination(unreachable)), warning(code));
    assert_eq!(
        found(with_destination(|destination| destination.failed_deletions = 1)),
        warning(code)
    );
    // What an immutable destination keeps is as it should be.
    assert_eq!(
        found(with_destination(|destination| destination.copies.retained = 9)),
        []
    );
    let disabled = |destination: &mut DestinationStatus| {
        unreachable(destination);
        destination.enabled = false;
    };
    assert_eq!(found(with_destination(disabled)), []);
}

#[test]
fn one_reason_names_the_worst_destination() {
    let mut facts = with_destination(|destination| destination.failing_since = Some(noon()));
    facts.destinations.push(DestinationStatus {
        name: "NAS".to_owned(),
        copies: CopyCounts {
            failed: 2,
            ..CopyCounts::default()
        },
        waiting_since: Some(noon() - DAY * 2),
        last_copied_at: None,
        last_error: Some("The destination is full.".to_owned()),
        ..destination()
    });
    let report = evaluate(facts, &HealthSettings::default());
    assert_eq!(report.reasons.len(), 1);
    assert_eq!(
        report.reasons[0].detail,
        "The destination \u{201c}NAS\u{201d} lacks 2 backups, and has received none since 2026-11-27 12:00 UTC. The destination is \
         full. The backups are in the first store. Another destination fails, too."
    );
    assert_eq!(report.destinations.len(), 2);
}
