//! The health of the backups and its alarms, at a clock that the test sets.

use std::path::PathBuf;

use campus_backup_domain::Error;
use campus_backup_domain::health::alarm::{HOLD, REPEAT};
use campus_backup_domain::health::{AlarmNews, HealthCode, HealthReport, HealthStatus, News, Severity};
use campus_backup_domain::notify::{NotifySettings, SecretsKey};
use campus_backup_domain::operations::{Annotations, ArchiveQuery};
use campus_backup_domain::schedule::{NewSchedule, SchedulePatch, Verify};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Timelike as _, Utc};

use harness::notify_rig::{NotifyCopy, enqueue, notify_settings, numbered, webhook};
use harness::schedule_rig::{ScheduleCopy, TestClock, schedule, until_all_ended};
use harness::{Engine, Receiver, ReceiverAnswer, School, WAIT_LIMIT, on_every_engine, small_school, until};

const HOUR: TimeDelta = TimeDelta::hours(1);

/// A small school, and a copy of the service. Archives have the time of this machine, so the clock begins with it.
struct Rig {
    school: School,
    clock: TestClock,
    copy: ScheduleCopy,
}

impl Rig {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        clock.set(Utc::now().trunc_subsecs(6));
        let copy = ScheduleCopy::on(&school.scratch, &clock).await;
        Self { school, clock, copy }
    }

    async fn check(&self) -> HealthReport {
        self.copy.health.check().await
    }

    /// The alarms that a check tells about.
    async fn told(&self) -> Vec<(HealthCode, News)> {
        told(&self.copy)
            .await
            .iter()
            .map(|news| (news.code, news.news))
            .collect()
    }

    /// What is told until nothing more is due, if the reasons hold, or do not, for long enough.
    async fn told_after_hold(&self) -> Vec<(HealthCode, News)> {
        let mut told = self.told().await;
        self.clock.advance(HOLD);
        told.extend(self.told().await);
        told
    }

    fn store(&self) -> PathBuf {
        self.school.scratch.folder().join("archives")
    }

    fn take_store_away(&self) {
        std::fs::rename(self.store(), self.store().with_extension("away")).unwrap();
    }

    fn bring_store_back(&self) {
        // An attempt of the service may have made an empty one.
        let _ = std::fs::remove_dir_all(self.store());
        std::fs::rename(self.store().with_extension("away"), self.store()).unwrap();
    }

    async fn create(&self, new: NewSchedule) -> i64 {
        let created = self.copy.schedules.create(&self.copy.admin, new, None).await;
        created.unwrap().id
    }

    /// Creates a backup on request.
    async fn back_up(&self) -> String {
        let operations = &self.copy.operations;
        let submitted = operations
            .create_backup(&self.copy.admin, Annotations::default(), None)
            .await;
        let id = submitted.unwrap().job().id.clone();
        self.ended(&id).await;
        let archives = operations
            .list(&self.copy.admin, &ArchiveQuery::default())
            .await
            .unwrap();
        archives.items[0].manifest.id.clone()
    }

    async fn ended(&self, job_id: &str) {
        until("a job has ended", WAIT_LIMIT, async || {
            self.copy.jobs.get(job_id).await.unwrap().state.has_ended()
        })
        .await;
    }
}

async fn told(copy: &ScheduleCopy) -> Vec<AlarmNews> {
    let report = copy.health.check().await;
    match copy.health.update_alarms(&report).await {
        Ok(told) => told,
        // On SQLite another copy may hold the lock; the next check follows.
        Err(Error::DatabaseBusy { .. }) => Vec::new(),
        Err(error) => panic!("{error:?}"),
    }
}

fn codes(report: &HealthReport) -> Vec<HealthCode> {
    report.reasons.iter().map(|reason| reason.code).collect()
}

#[on_every_engine]
async fn health_follows_schedule_backup_and_verification(engine: Engine) {
    let rig = Rig::on(engine).await;
    let report = rig.check().await;
    assert_eq!(report.status, HealthStatus::Warning);
    assert_eq!(codes(&report), [HealthCode::NeverBackedUp, HealthCode::NoSchedule]);
    assert!(report.store.is_reachable && report.store.free_bytes > Some(0));

    let hour = (rig.clock.now().hour() + 12) % 24;
    let id = rig.create(schedule("daily", &format!("0 {hour} * * *"))).await;
    let report = rig.check().await;
    assert_eq!(codes(&report), [HealthCode::NeverBackedUp]);
    let due = report.next_run.unwrap();
    // No copy makes the run: first the schedule stands still, and then there should have been a backup.
    rig.clock.set(due + TimeDelta::minutes(16));
    assert_eq!(
        codes(&rig.check().await),
        [HealthCode::SchedulerStalled, HealthCode::NeverBackedUp]
    );
    rig.clock.set(due + HOUR * 3);
    let report = rig.check().await;
    assert_eq!(report.status, HealthStatus::Failing);
    assert_eq!(report.backup_expected_since, Some(due));
    assert_eq!(
        report.reason(HealthCode::NeverBackedUp).unwrap().severity,
        Severity::Failing
    );

    // A backup on request is as good as one of a schedule, if it is new enough.
    let now = Utc::now();
    let archive_id = rig.back_up().await;
    let report = rig.check().await;
    let last = report.last_backup.clone().unwrap();
    assert_eq!(last.archive_id, archive_id);
    assert!(
        last.at >= now && last.content.unwrap().rows["students"] > 0,
        "{report:?}"
    );
    assert!(report.reason(HealthCode::NeverVerified).is_some(), "{report:?}");
    assert!(report.reason(HealthCode::BackupStale).is_some(), "{report:?}");
    rig.clock.set(Utc::now().trunc_subsecs(6));
    let report = rig.check().await;
    assert_eq!(codes(&report), [HealthCode::NeverVerified]);
    let archives: u64 = report.store.usage.unwrap().iter().map(|usage| usage.archives).sum();
    assert_eq!(archives, 1);

    let admin = &rig.copy.admin;
    let disable = SchedulePatch {
        enabled: Some(false),
        ..Default::default()
    };
    rig.copy.schedules.update(admin, id, disable).await.unwrap();
    let report = rig.check().await;
    assert_eq!(
        codes(&report),
        [HealthCode::SchedulesDisabled, HealthCode::NeverVerified]
    );
    assert_eq!((report.next_run, report.backup_expected_since), (None, None));
}

#[on_every_engine]
async fn scheduled_backup_and_verification_make_it_well(engine: Engine) {
    let rig = Rig::on(engine).await;
    let verified = NewSchedule {
        verify: Verify::Digest,
        ..schedule("often", "* * * * *")
    };
    rig.create(verified).await;
    rig.clock.advance(TimeDelta::minutes(1));
    rig.copy.tick().await.unwrap();
    until_all_ended(&rig.school.scratch, std::slice::from_ref(&rig.copy)).await;
    let report = rig.check().await;
    assert_eq!((report.status, codes(&report)), (HealthStatus::Ok, vec![]));
    let (last, verified) = (report.last_backup.unwrap(), report.last_verified.unwrap());
    assert_eq!(last.archive_id, verified.archive_id);
    assert!(verified.at >= last.at);
}

#[on_every_engine]
async fn store_without_an_answer_is_failing_and_told(engine: Engine) {
    let rig = Rig::on(engine).await;
    let archive_id = rig.back_up().await;
    let receiver = Receiver::start().await;
    let notify = NotifyCopy::on(&rig.school.scratch, &rig.clock, notify_settings()).await;
    notify.create(webhook("all", &receiver)).await;
    rig.take_store_away();
    let report = rig.check().await;
    assert_eq!(report.status, HealthStatus::Failing);
    assert_eq!(report.reasons[0].code, HealthCode::StoreUnavailable, "{report:?}");
    assert!(!report.store.is_reachable);
    let last = report.last_backup.unwrap();
    assert_eq!((last.archive_id, last.content), (archive_id, None));
    let told = rig.told_after_hold().await;
    assert!(told.contains(&(HealthCode::StoreUnavailable, News::Raised)), "{told:?}");

    rig.bring_store_back();
    let report = rig.check().await;
    assert!(report.reason(HealthCode::StoreUnavailable).is_none(), "{report:?}");
    let told = rig.told_after_hold().await;
    assert!(told.contains(&(HealthCode::StoreUnavailable, News::Over)), "{told:?}");
    assert_eq!(rig.told_after_hold().await, []);
    // What is only a warning is not sent.
    notify.deliver().await.unwrap();
    assert_eq!(receiver.events(), ["backup_stale", "backup_well_again"]);
}

/// A notification that fails is reported by one that works, daily, until it works again.
#[on_every_engine]
async fn notification_that_fails_is_reported_by_another_one(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (broken, working) = (Receiver::start().await, Receiver::start().await);
    broken.answer(ReceiverAnswer::Status(500, "the disk is full"));
    let notify = NotifyCopy::on(&rig.school.scratch, &rig.clock, notify_settings()).await;
    let broken_id = notify.create(webhook("broken", &broken)).await;
    notify.create(webhook("working", &working)).await;
    let other_key = NotifySettings {
        key: Some(SecretsKey::from_hex(&"0".repeat(64)).unwrap()),
        ..notify_settings()
    };
    enqueue(&rig.school.scratch, &rig.clock, &numbered(1)).await;
    notify.deliver().await.unwrap();
    rig.clock.advance(HOUR * 4);
    let report = rig.check().await;
    assert!(report.reason(HealthCode::NotificationsFailing).is_none(), "{report:?}");
    rig.clock.advance(TimeDelta::minutes(1));
    let report = rig.check().await;
    let reason = report.reason(HealthCode::NotificationsFailing).unwrap();
    assert_eq!(
        (report.status, reason.severity),
        (HealthStatus::Warning, Severity::Warning)
    );
    let detail = &reason.detail;
    assert!(detail.contains("\u{201c}broken\u{201d} since "), "{detail}");
    assert!(
        detail.contains("The server answered with 500: the disk is full"),
        "{detail}"
    );
    let reported = rig.told_after_hold().await;
    let raised = (HealthCode::NotificationsFailing, News::Raised);
    assert!(reported.contains(&raised), "{reported:?}");
    notify.deliver().await.unwrap();
    assert_eq!(working.events(), ["administrator_added", "notifications_failing"]);
    let data = &working.requests()[1].json()["data"];
    assert_eq!(data["reasons"][0].as_str(), Some(detail.as_str()));

    // A test that succeeds ends it.
    broken.answer(ReceiverAnswer::Status(204, ""));
    let tried = notify.notifications.try_saved(&notify.admin, broken_id).await.unwrap();
    assert!(tried.delivered, "{tried:?}");
    rig.clock.advance(HOUR * 2);
    notify.deliver().await.unwrap();
    let report = rig.check().await;
    assert!(report.reason(HealthCode::NotificationsFailing).is_none(), "{report:?}");

    // The copy of this test has another key than the one that encrypts this secret.
    let other = NotifyCopy::on(&rig.school.scratch, &rig.clock, other_key).await;
    other.create(webhook("of another key", &working)).await;
    let report = rig.check().await;
    let reason = report.reason(HealthCode::SecretsKeyUnusable).unwrap();
    assert!(
        reason.detail.contains("webhooks \u{201c}of another key\u{201d}, so"),
        "{reason:?}"
    );
}

/// Three copies check each hour for days, all at the same time, and none of them makes scheduled backups.
#[on_every_engine]
async fn several_copies_tell_once_then_daily_and_once_that_it_is_over(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (scratch, clock) = (&rig.school.scratch, &rig.clock);
    let mut copies = vec![rig.copy];
    for _ in 0..2 {
        copies.push(ScheduleCopy::on(scratch, clock).await);
    }
    let begin = clock.now();
    let mut news = Vec::<(DateTime<Utc>, HealthCode, News)>::new();
    for hour in 0..80 {
        if hour == 60 {
            let created = copies[0]
                .schedules
                .create(&copies[0].admin, schedule("weekly", "0 2 * * 0"), None)
                .await;
            created.unwrap();
        }
        // Again until no copy was kept from its turn by another one.
        for _ in 0..2 {
            let at_once = futures_util::future::join_all(copies.iter().map(told)).await;
            news.extend(
                at_once
                    .into_iter()
                    .flatten()
                    .map(|news| (clock.now(), news.code, news.news)),
            );
        }
        clock.advance(HOUR);
    }
    let of = |code| {
        let of_code = news.iter().filter(|(_, of, _)| *of == code);
        of_code
            .map(|(at, _, news)| ((*at - begin).num_hours(), *news))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(HealthCode::NoSchedule),
        [
            (1, News::Raised),
            (25, News::Reminder),
            (49, News::Reminder),
            (61, News::Over)
        ]
    );
    let never = of(HealthCode::NeverBackedUp);
    assert_eq!(
        never[..3],
        [(1, News::Raised), (25, News::Reminder), (49, News::Reminder)]
    );
    assert_eq!(
        scratch
            .number("select count(*) from backup_alarms where code = 'no_schedule'")
            .await,
        0
    );
}

#[on_every_engine]
async fn clock_that_is_set_back_repeats_nothing_and_loses_nothing(engine: Engine) {
    let rig = Rig::on(engine).await;
    rig.told_after_hold().await;
    let begin = rig.clock.now();
    rig.clock.set(begin - REPEAT);
    assert_eq!(rig.told().await, []);
    assert_eq!(rig.told().await, []);
    rig.clock.set(begin - TimeDelta::microseconds(1));
    assert_eq!(rig.told().await, []);
    rig.clock.set(begin);
    let reminded = [
        (HealthCode::NoSchedule, News::Reminder),
        (HealthCode::NeverBackedUp, News::Reminder),
    ];
    assert_eq!(rig.told().await, reminded);
}

/// A copy that can't reach the store does not lose its alarm to one that can.
#[on_every_engine]
async fn alarm_stays_while_one_of_two_copies_sees_its_reason(engine: Engine) {
    let rig = Rig::on(engine).await;
    let healthy = rig.check().await;
    rig.take_store_away();
    let broken = rig.check().await;
    rig.bring_store_back();
    let begin = rig.clock.now();
    let mut told = Vec::new();
    for minute in 0..60 {
        for report in [&broken, &healthy] {
            let report = HealthReport {
                checked_at: begin + TimeDelta::minutes(minute),
                ..report.clone()
            };
            told.extend(rig.copy.health.update_alarms(&report).await.unwrap());
        }
    }
    let told: Vec<_> = told
        .iter()
        .filter(|news| news.code == HealthCode::StoreUnavailable)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].news, told[0].severity), (News::Raised, Severity::Failing));
}

#[on_every_engine]
async fn alarm_of_a_newer_version_is_left_alone(engine: Engine) {
    let rig = Rig::on(engine).await;
    let at = match engine {
        Engine::Mysql => "'2026-11-29 12:00:00'",
        Engine::Sqlite | Engine::Postgres => "'2026-11-29T12:00:00+00:00'",
    };
    rig.school
        .scratch
        .execute(&format!(
            "insert into backup_alarms (code, severity, detail, raised_at) values ('of_tomorrow', 'failing', 'x', {at})"
        ))
        .await;
    rig.clock.advance(TimeDelta::days(2));
    rig.told_after_hold().await;
    let sql =
        "select count(*) from backup_alarms where code = 'of_tomorrow' and told_at is null and absent_since is null";
    assert_eq!(rig.school.scratch.number(sql).await, 1);
}
