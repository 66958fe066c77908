//! Schedules at a clock that the test sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use campus_backup_archive::manifest::{ArchiveKind, VerificationLevel};
use campus_backup_domain::Error;
use campus_backup_domain::job::{JobFilter, JobKind, JobState};
use campus_backup_domain::notify::{EventKind, NewNotification};
use campus_backup_domain::operations::{ArchiveQuery, HistoryPeriod, HistoryRun};
use campus_backup_domain::retention::RetentionPolicy;
use campus_backup_domain::schedule::{NewSchedule, Preset, RunState, RunnerSettings, SchedulePatch, Timetable, Verify};
use chrono::{DateTime, TimeDelta, Utc};

use harness::notify_rig::{NotifyCopy, notify_settings, webhook};
use harness::schedule_rig::{
    ScheduleCopy, StubAnswer, StubExecutor, TestClock, runs, schedule, states, stubbed, stubbed_with, until_all_ended,
};
use harness::{Engine, Receiver, School, WAIT_LIMIT, on_every_engine, small_school, until};

const DAY: TimeDelta = TimeDelta::days(1);
const MINUTE: TimeDelta = TimeDelta::minutes(1);

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// A small school, a clock in the afternoon, a copy of the service, and a stand-in for its backups.
struct Rig {
    school: School,
    clock: TestClock,
    copy: ScheduleCopy,
    stub: Arc<StubExecutor>,
}

impl Rig {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        Self {
            copy: ScheduleCopy::on(&school.scratch, &clock).await,
            stub: Arc::default(),
            school,
            clock,
        }
    }

    async fn create(&self, new: NewSchedule) -> i64 {
        self.copy
            .schedules
            .create(&self.copy.admin, new, None)
            .await
            .unwrap()
            .id
    }

    async fn next_run(&self, id: i64) -> Option<DateTime<Utc>> {
        let schedule = self.copy.schedules.get(&self.copy.admin, id).await.unwrap();
        schedule.next_runs.first().copied()
    }

    async fn states(&self) -> Vec<RunState> {
        states(&self.school.scratch).await
    }
}

#[on_every_engine]
async fn due_run_makes_an_archive_of_the_service_and_verifies_it(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (copy, clock) = (&rig.copy, &rig.clock);
    let new = NewSchedule {
        label: Some("every night".to_owned()),
        verify: Verify::TestRestore,
        timezone: "Europe/Berlin".to_owned(),
        ..schedule("nightly", Preset::Daily.expression())
    };
    let id = rig.create(new).await;
    let due = at("2026-11-30T01:00:00Z");
    assert_eq!(rig.next_run(id).await, Some(due));
    clock.set(due - TimeDelta::microseconds(1));
    copy.tick().await.unwrap();
    assert!(rig.states().await.is_empty());
    clock.set(due);
    until_all_ended(&rig.school.scratch, std::slice::from_ref(copy)).await;
    copy.tick().await.unwrap();

    let shown = copy.schedules.get(&copy.admin, id).await.unwrap();
    assert_eq!(shown.preset, Some(Preset::Daily));
    assert_eq!(shown.next_runs[0], due + DAY);
    let last = shown.last_run.unwrap();
    assert_eq!(
        (last.at, last.state, last.failed_attempts),
        (due, RunState::Succeeded, 0)
    );
    let archives = copy
        .operations
        .list(&copy.admin, &ArchiveQuery::default())
        .await
        .unwrap();
    assert_eq!(archives.total, 1);
    let archive = &archives.items[0];
    assert_eq!(last.archive_id.as_ref(), Some(&archive.manifest.id));
    for (schedule_id, expected) in [(id, 1), (id + 1, 0)] {
        let mut query = ArchiveQuery::default();
        query.filter.schedule_id = Some(schedule_id);
        let found = copy.operations.list(&copy.admin, &query).await.unwrap();
        assert_eq!(
            (found.total, found.items.len()),
            (expected, usize::try_from(expected).unwrap())
        );
    }
    assert_eq!(archive.manifest.label.as_deref(), Some("every night"));
    assert_eq!(archive.manifest.created_by.as_deref(), Some("system"));
    assert_eq!(archive.manifest.kind, ArchiveKind::Created);
    let verified = archive.verifications().last().unwrap();
    assert_eq!(verified.level, VerificationLevel::TestRestore);
    for (job_id, kind) in [(last.job_id, JobKind::Archive), (last.verify_job_id, JobKind::Verify)] {
        let job = copy.jobs.get(&job_id.unwrap()).await.unwrap();
        assert_eq!((job.kind, job.state), (kind, JobState::Succeeded));
        assert_eq!((job.user_id, job.username.as_str()), (None, "system"));
    }
    let listed = copy.jobs.list(&copy.admin, &JobFilter::default(), 10, 0).await.unwrap();
    assert_eq!(listed.total, 2);
}

/// What a schedule's times are is proved beside the rules; here each of them is a run.
#[on_every_engine(nightly)]
async fn year_in_four_zones_has_each_run_once(engine: Engine) {
    let rig = Rig::on(engine).await;
    let begin = at("2026-01-01T00:30:00Z");
    rig.clock.set(begin);
    let mut expected = Vec::new();
    for (zone, cron) in [
        ("Europe/Berlin", "30 2 * * *"),
        ("America/New_York", "30 1 * * *"),
        ("Asia/Kolkata", "0 2 * * *"),
        ("Australia/Lord_Howe", "15 2 * * *"),
    ] {
        let timezone = zone.to_owned();
        let id = rig
            .create(NewSchedule {
                timezone,
                ..schedule(zone, cron)
            })
            .await;
        let timetable = Timetable::new(cron, zone, begin).unwrap();
        expected.extend(timetable.upcoming(begin, 365).into_iter().map(|due| (id, due)));
    }
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    let mut times: Vec<_> = expected.iter().map(|(_, due)| *due).collect();
    times.sort();
    for due in times {
        rig.clock.set(due + MINUTE);
        automation.tick().await.unwrap();
        automation.tick().await.unwrap();
    }
    let runs = runs(&rig.school.scratch).await;
    assert!(runs.iter().all(|run| run.state == RunState::Succeeded));
    expected.sort();
    let made: Vec<_> = runs.iter().map(|run| (run.schedule_id, run.due_at)).collect();
    assert_eq!(made, expected);
    let mut backups: Vec<_> = rig
        .stub
        .backups()
        .into_iter()
        .map(|order| (order.schedule_id, order.due_at))
        .collect();
    backups.sort();
    assert_eq!(backups, expected);
}

/// How many archives stay while several copies make runs.
const KEPT: u32 = 7;

/// Three copies with several schedules, a retention policy and a webhook. Every run must have its own archive and its own message,
/// and only the newest archives stay.
async fn copies_make_each_run_once(engine: Engine, schedules: usize, hours: usize) {
    let rig = Rig::on(engine).await;
    // Archives have the time of this machine, and retention deletes nothing while the clock is behind them.
    rig.clock.set(Utc::now() + TimeDelta::hours(1));
    let receiver = Receiver::start().await;
    for number in 0..schedules {
        rig.create(schedule(&format!("schedule {number}"), Preset::Hourly.expression()))
            .await;
    }
    let policy = RetentionPolicy {
        keep_last: KEPT,
        ..RetentionPolicy::default()
    };
    rig.copy.retention.set(&rig.copy.admin, policy).await.unwrap();
    let scratch = &rig.school.scratch;
    let (mut copies, mut senders) = (vec![rig.copy], Vec::new());
    for number in 0..3 {
        senders.push(NotifyCopy::on(scratch, &rig.clock, notify_settings()).await);
        if number > 0 {
            copies.push(ScheduleCopy::on(scratch, &rig.clock).await);
        }
    }
    let succeeded = NewNotification {
        events: Some(vec![EventKind::BackupSucceeded, EventKind::BackupFailed]),
        ..webhook("all", &receiver)
    };
    senders[0].create(succeeded).await;
    for _ in 0..hours {
        rig.clock.advance(TimeDelta::hours(1));
        until_all_ended(scratch, &copies).await;
        // Before the clock is set: an hour later, a message that is being sent would look like one of a copy that was killed.
        until("all messages were sent", WAIT_LIMIT * 2, async || {
            senders.iter().for_each(NotifyCopy::begin);
            let waiting = "select count(*) from backup_outbox where state = 'waiting'";
            scratch.number(waiting).await == 0
        })
        .await;
    }
    let all = schedules * hours;
    let runs = runs(scratch).await;
    assert_eq!(runs.len(), all);
    assert!(
        runs.iter()
            .all(|run| run.state == RunState::Succeeded && run.attempt == 0),
        "{runs:?}"
    );
    let of_runs: BTreeSet<_> = runs.iter().map(|run| run.archive_id.clone().unwrap()).collect();
    assert_eq!(of_runs.len(), all);
    // A record stays when its archive is deleted.
    let records = scratch.rows("select archive_id from backup_archives").await;
    let records: BTreeSet<_> = records.into_iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(of_runs, records);

    let (operations, admin) = (&copies[0].operations, &copies[0].admin);
    let mut stored = BTreeSet::new();
    until("retention has deleted the others", WAIT_LIMIT, async || {
        for done in futures_util::future::join_all(copies.iter().map(ScheduleCopy::tick)).await {
            assert!(matches!(done, Ok(()) | Err(Error::DatabaseBusy { .. })), "{done:?}");
        }
        let listed = operations.list(admin, &ArchiveQuery::default()).await.unwrap();
        stored = listed
            .items
            .into_iter()
            .map(|archive| archive.manifest.id.clone())
            .collect();
        stored.len() == all.min(KEPT as usize)
    })
    .await;
    assert!(stored.is_subset(&of_runs));
    let kept = operations.list(admin, &ArchiveQuery::default()).await.unwrap();
    assert!(of_runs.contains(&kept.items[0].manifest.id));

    let requests = receiver.requests();
    let ids: BTreeSet<_> = requests.iter().map(|request| request.header("webhook-id")).collect();
    let told: BTreeSet<_> = requests
        .iter()
        .map(|request| request.json()["data"]["archive_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ids.len(), requests.len()), (all, all), "each once");
    assert_eq!(told, of_runs);
}

#[on_every_engine]
async fn three_copies_make_each_run_once(engine: Engine) {
    let (schedules, hours) = match engine {
        Engine::Postgres => (20, 5),
        Engine::Sqlite | Engine::Mysql => (5, 3),
    };
    copies_make_each_run_once(engine, schedules, hours).await;
}

#[on_every_engine(ignore)]
async fn three_copies_make_a_thousand_runs_once(engine: Engine) {
    copies_make_each_run_once(engine, 50, 20).await;
}

/// Copies are killed while they make runs, at different moments, and new copies continue.
async fn killed_copies_make_each_run_once(engine: Engine, kills: u64) {
    let rig = Rig::on(engine).await;
    let id = rig.create(schedule("hourly", Preset::Hourly.expression())).await;
    let scratch = &rig.school.scratch;
    drop(rig.copy);
    let begin = at("2026-11-29T15:00:00Z");
    let hours = |count: u64| TimeDelta::hours(count.try_into().unwrap());
    for kill in 0..kills {
        rig.clock.set(begin + hours(kill + 1));
        let copy = ScheduleCopy::on(scratch, &rig.clock).await;
        for _ in 0..3 {
            copy.begin_tick();
            // A moment of work, which is another one each time.
            tokio::time::sleep(std::time::Duration::from_millis((kill * 37) % 60)).await;
        }
        drop(copy);
        let next = ScheduleCopy::on(scratch, &rig.clock).await;
        until("the run has ended", WAIT_LIMIT, async || {
            next.tick().await.unwrap();
            let runs = runs(scratch).await;
            // A run that was interrupted waits for its next attempt.
            if let Some(retry_at) = runs.iter().find_map(|run| run.retry_at) {
                rig.clock.set(retry_at.max(rig.clock.now()));
            }
            u64::try_from(runs.len()).unwrap() > kill && runs.iter().all(|run| run.state.has_ended())
        })
        .await;
    }
    let runs = runs(scratch).await;
    let times: Vec<_> = runs.iter().map(|run| (run.schedule_id, run.due_at)).collect();
    let expected: Vec<_> = (1..=kills).map(|kill| (id, begin + hours(kill))).collect();
    assert_eq!(times, expected);
    assert!(runs.iter().all(|run| run.state == RunState::Succeeded), "{runs:?}");
    let mut of_runs: Vec<_> = runs.into_iter().map(|run| run.archive_id.unwrap()).collect();
    let copy = ScheduleCopy::on(scratch, &rig.clock).await;
    let stored = copy
        .operations
        .list(&copy.admin, &ArchiveQuery::default())
        .await
        .unwrap();
    let mut stored: Vec<_> = stored
        .items
        .into_iter()
        .map(|archive| archive.manifest.id.clone())
        .collect();
    of_runs.sort();
    stored.sort();
    assert_eq!(of_runs, stored, "each run has one archive, and each archive a run");
}

#[on_every_engine]
async fn copies_killed_in_the_middle_lose_and_double_no_run(engine: Engine) {
    killed_copies_make_each_run_once(engine, 5).await;
}

#[on_every_engine(ignore)]
async fn copies_killed_at_fifty_points_lose_and_double_no_run(engine: Engine) {
    killed_copies_make_each_run_once(engine, 50).await;
}

#[on_every_engine]
async fn clock_set_back_loses_and_doubles_no_run(engine: Engine) {
    let rig = Rig::on(engine).await;
    let id = rig.create(schedule("nightly", "0 2 * * *")).await;
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    let right = rig.clock.now();
    let ticks = async || {
        for _ in 0..2 {
            automation.tick().await.unwrap();
        }
    };
    // The clock runs ahead by a month, and the run of that moment is made.
    rig.clock.set(right + TimeDelta::days(30));
    ticks().await;
    let ahead = at("2026-12-29T02:00:00Z");
    let made = |days: i64| at("2026-11-30T02:00:00Z") + TimeDelta::days(days);
    assert_eq!(rig.next_run(id).await, Some(ahead + DAY));
    // It is set back: the month is still to come.
    rig.clock.set(right);
    ticks().await;
    assert_eq!(rig.next_run(id).await, Some(made(0)));
    for day in 0..31 {
        rig.clock.set(made(day) + MINUTE);
        ticks().await;
        // Set back by a day after each run, and forward again.
        rig.clock.advance(-DAY);
        ticks().await;
        rig.clock.advance(DAY);
        ticks().await;
    }
    let times: Vec<_> = runs(&rig.school.scratch).await.iter().map(|run| run.due_at).collect();
    let expected: Vec<_> = (0..31).map(made).collect();
    assert_eq!(times, expected);
    let mut backups: Vec<_> = rig.stub.backups().into_iter().map(|order| order.due_at).collect();
    assert_eq!(backups[0], ahead);
    backups.sort();
    assert_eq!(backups, expected);
    assert!(rig.states().await.iter().all(|state| *state == RunState::Succeeded));
}

#[on_every_engine]
async fn run_missed_during_an_outage_is_caught_up_once_if_it_is_young(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (hourly, monthly) = (
        rig.create(schedule("hourly", "0 * * * *")).await,
        rig.create(schedule("monthly", "0 2 1 * *")).await,
    );
    rig.clock.set(at("2026-12-20T10:30:00Z"));
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    for _ in 0..3 {
        automation.tick().await.unwrap();
    }
    let made: Vec<_> = runs(&rig.school.scratch)
        .await
        .into_iter()
        .map(|run| (run.schedule_id, run.due_at, run.state))
        .collect();
    assert_eq!(
        made,
        [
            (hourly, at("2026-12-20T10:00:00Z"), RunState::Succeeded),
            (monthly, at("2026-12-01T02:00:00Z"), RunState::Missed),
        ]
    );
    let missed = HistoryRun {
        at: at("2026-12-01T02:00:00Z"),
        schedule_id: monthly,
        label: "monthly".to_owned(),
        state: RunState::Missed,
        fault: None,
    };
    let history = async |from: &str| {
        let period = HistoryPeriod {
            from: Some(at(from)),
            to: None,
        };
        rig.copy.operations.history(&rig.copy.admin, period).await.unwrap()
    };
    assert_eq!(history("2026-12-01T02:00:00Z").await.runs, [missed]);
    assert_eq!(history("2026-12-01T02:00:01Z").await.runs, []);
    assert_eq!(rig.stub.backups().len(), 1);
    assert_eq!(rig.next_run(hourly).await, Some(at("2026-12-20T11:00:00Z")));
    assert_eq!(rig.next_run(monthly).await, Some(at("2027-01-01T02:00:00Z")));
}

#[on_every_engine]
async fn failed_run_is_tried_again_after_growing_pauses(engine: Engine) {
    let rig = Rig::on(engine).await;
    let id = rig.create(schedule("nightly", "0 2 * * *")).await;
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    let tick = async || automation.tick().await.unwrap();
    let last = async || {
        rig.copy
            .schedules
            .get(&rig.copy.admin, id)
            .await
            .unwrap()
            .last_run
            .unwrap()
    };
    rig.stub.answer(&[
        StubAnswer::Fails,
        StubAnswer::IsRefused,
        StubAnswer::Fails,
        StubAnswer::Fails,
    ]);
    let due = at("2026-11-30T02:00:00Z");
    rig.clock.set(due);
    let mut expected = due;
    for (failed, minutes) in [(1, 1), (2, 5), (3, 15), (4, 60)] {
        // A job that begins and fails needs a second step.
        tick().await;
        tick().await;
        expected += TimeDelta::minutes(minutes);
        let run = last().await;
        assert_eq!(
            (run.state, run.failed_attempts, run.retry_at),
            (RunState::Waiting, failed, Some(expected))
        );
        let code = if failed == 2 { "insufficientstorage" } else { "failed" };
        assert_eq!(run.fault.unwrap().code, code);
        rig.clock.set(expected - TimeDelta::microseconds(1));
        tick().await;
        assert_eq!(last().await.failed_attempts, failed);
        rig.clock.set(expected);
    }
    tick().await;
    tick().await;
    let run = last().await;
    assert_eq!((run.at, run.state, run.fault), (due, RunState::Succeeded, None));
    // A time that comes while a run is in progress is caught up, and after the last attempt a run has failed.
    rig.stub.answer(&[StubAnswer::Fails; 5]);
    rig.clock.set(due + DAY);
    for minutes in [1, 5, 15, 60, 0] {
        tick().await;
        tick().await;
        rig.clock.advance(TimeDelta::minutes(minutes));
    }
    let run = last().await;
    assert_eq!(
        (run.at, run.state, run.failed_attempts),
        (due + DAY, RunState::Failed, 5)
    );
    assert_eq!(run.fault.unwrap().code, "failed");
    assert_eq!(rig.next_run(id).await, Some(due + DAY * 2));
}

#[on_every_engine(nightly)]
async fn unreachable_database_is_no_failed_attempt(engine: Engine) {
    let rig = Rig::on(engine).await;
    rig.create(schedule("nightly", "0 2 * * *")).await;
    let settings = RunnerSettings {
        attempts: 1,
        ..RunnerSettings::default()
    };
    let automation = stubbed_with(&rig.school.scratch, &rig.clock, &rig.stub, settings).await;
    rig.clock.advance(DAY);
    rig.stub.answer(&[StubAnswer::IsUnavailable, StubAnswer::IsUnavailable]);
    for _ in 0..2 {
        let failed = automation.tick().await;
        assert!(matches!(failed, Err(Error::DatabaseUnavailable { .. })), "{failed:?}");
        assert_eq!(rig.states().await, [RunState::Waiting]);
    }
    automation.tick().await.unwrap();
    automation.tick().await.unwrap();
    assert_eq!(rig.states().await, [RunState::Succeeded]);
}

#[on_every_engine]
async fn cancelled_run_is_not_tried_again(engine: Engine) {
    let rig = Rig::on(engine).await;
    rig.create(schedule("nightly", "0 2 * * *")).await;
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    rig.clock.advance(DAY);
    rig.stub.answer(&[StubAnswer::IsCancelled]);
    for _ in 0..3 {
        automation.tick().await.unwrap();
        rig.clock.advance(MINUTE);
    }
    let run = runs(&rig.school.scratch).await.remove(0);
    assert_eq!(
        (run.state, run.error_code.as_deref()),
        (RunState::Failed, Some("cancelled"))
    );
    assert_eq!(rig.stub.backups().len(), 1);
}

#[on_every_engine]
async fn failed_verification_is_tried_again_without_a_second_backup(engine: Engine) {
    let rig = Rig::on(engine).await;
    let verify = Verify::Digest;
    rig.create(NewSchedule {
        verify,
        ..schedule("nightly", "0 2 * * *")
    })
    .await;
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    rig.clock.advance(DAY);
    rig.stub.answer(&[StubAnswer::Succeeds, StubAnswer::Fails]);
    for _ in 0..3 {
        automation.tick().await.unwrap();
    }
    let run = runs(&rig.school.scratch).await.remove(0);
    assert_eq!((run.state, run.attempt), (RunState::Waiting, 1));
    let archive = run.archive_id.clone();
    assert!(archive.is_some());
    rig.clock.advance(MINUTE);
    automation.tick().await.unwrap();
    automation.tick().await.unwrap();
    let run = runs(&rig.school.scratch).await.remove(0);
    assert_eq!(
        (run.state, run.archive_id, run.error_code),
        (RunState::Succeeded, archive, None)
    );
    assert_eq!((rig.stub.backups().len(), rig.stub.verifications().len()), (1, 2));
}

/// A schedule has one run at a time, so slow backups do not pile up.
#[on_every_engine(nightly)]
async fn runs_due_during_a_run_are_caught_up_once(engine: Engine) {
    let rig = Rig::on(engine).await;
    rig.create(schedule("often", "* * * * *")).await;
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    rig.stub.answer(&[StubAnswer::GoesOn]);
    for _ in 0..10 {
        rig.clock.advance(MINUTE);
        automation.tick().await.unwrap();
    }
    assert_eq!(rig.states().await, [RunState::Running]);
    rig.stub.finish();
    for _ in 0..3 {
        automation.tick().await.unwrap();
    }
    let times: Vec<_> = runs(&rig.school.scratch).await.iter().map(|run| run.due_at).collect();
    assert_eq!(times, ["2026-11-29T15:01:00Z", "2026-11-29T15:10:00Z"].map(at));
}

#[on_every_engine]
async fn deleted_or_disabled_schedule_finishes_only_what_has_begun(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (schedules, admin) = (&rig.copy.schedules, &rig.copy.admin);
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    let mut ids = Vec::new();
    for name in ["deleted", "disabled", "deleted waiting", "disabled waiting"] {
        ids.push(rig.create(schedule(name, "0 2 * * *")).await);
    }
    rig.clock.set(at("2026-11-30T02:00:00Z"));
    rig.stub.answer(&[
        StubAnswer::GoesOn,
        StubAnswer::GoesOn,
        StubAnswer::Fails,
        StubAnswer::Fails,
    ]);
    automation.tick().await.unwrap();
    automation.tick().await.unwrap();
    use RunState::{Missed, Running, Succeeded, Waiting};
    assert_eq!(rig.states().await, [Running, Running, Waiting, Waiting]);
    let off = SchedulePatch {
        enabled: Some(false),
        ..SchedulePatch::default()
    };
    for (position, id) in ids.iter().enumerate() {
        match position % 2 {
            0 => schedules.delete(admin, *id).await.unwrap(),
            _ => {
                let disabled = schedules.update(admin, *id, off.clone()).await.unwrap();
                assert_eq!((disabled.enabled, disabled.next_runs), (false, Vec::new()));
            }
        }
    }
    assert_eq!(rig.states().await, [Running, Running, Missed]);
    rig.stub.finish();
    rig.clock.advance(DAY);
    automation.tick().await.unwrap();
    assert_eq!(rig.states().await, [Succeeded, Succeeded, Missed]);
    assert_eq!(rig.stub.backups().len(), 4);
    // The run of the deleted schedule is forgotten then; a new automation does that at its first step.
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    automation.tick().await.unwrap();
    assert_eq!(rig.states().await, [Succeeded, Missed]);
    // Enabled again, it continues at its next time.
    let on = SchedulePatch {
        enabled: Some(true),
        ..SchedulePatch::default()
    };
    let enabled = schedules.update(admin, ids[1], on).await.unwrap();
    assert_eq!(enabled.next_runs[0], at("2026-12-02T02:00:00Z"));
}

#[on_every_engine]
async fn edited_schedule_has_new_times_and_loses_no_due_run(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (schedules, admin) = (&rig.copy.schedules, &rig.copy.admin);
    let id = rig.create(schedule("nightly", "0 2 * * *")).await;
    let due = at("2026-11-30T02:00:00Z");
    rig.clock.set(due + MINUTE);
    let other_values = SchedulePatch {
        name: Some("every night".to_owned()),
        label: Some(Some("night".to_owned())),
        verify: Some(Verify::Digest),
        cron: Some(" 0 2  * * * ".to_owned()),
        timezone: Some("UTC".to_owned()),
        enabled: Some(true),
    };
    let edited = schedules.update(admin, id, other_values).await.unwrap();
    assert_eq!(
        (edited.name.as_str(), edited.label.as_deref()),
        ("every night", Some("night"))
    );
    assert_eq!((edited.verify, edited.updated_at), (Verify::Digest, due + MINUTE));
    assert_eq!(edited.next_runs[0], due, "it is due and not made yet");
    let automation = stubbed(&rig.school.scratch, &rig.clock, &rig.stub).await;
    for _ in 0..3 {
        automation.tick().await.unwrap();
    }
    assert_eq!(rig.stub.backups()[0].label, "night");
    assert_eq!(rig.stub.verifications()[0].level, VerificationLevel::Digest);

    let times = SchedulePatch {
        cron: Some("30 4 * * *".to_owned()),
        timezone: Some("Asia/Kolkata".to_owned()),
        label: Some(None),
        ..SchedulePatch::default()
    };
    let edited = schedules.update(admin, id, times).await.unwrap();
    assert_eq!((edited.next_runs[0], edited.label), (at("2026-11-30T23:00:00Z"), None));
    assert_eq!(edited.next_runs.len(), 5);
    let only_zone = SchedulePatch {
        timezone: Some("UTC".to_owned()),
        ..SchedulePatch::default()
    };
    let edited = schedules.update(admin, id, only_zone).await.unwrap();
    assert_eq!(edited.next_runs[0], at("2026-11-30T04:30:00Z"));
    assert_eq!(edited.created_by, "admin");
}

#[on_every_engine]
async fn impossible_schedules_are_refused_and_names_are_unique(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (schedules, admin) = (&rig.copy.schedules, &rig.copy.admin);
    let id = rig.create(schedule("nightly", "0 2 * * *")).await;
    let other = rig.create(schedule("Nightly", "0 3 * * *")).await;
    let field = |refused: Result<_, Error>| match refused {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{:?}", other.map(drop)),
    };
    for (new, expected) in [
        (schedule("", "0 2 * * *"), "name"),
        (schedule("a\nb", "0 2 * * *"), "name"),
        (schedule(&"x".repeat(101), "0 2 * * *"), "name"),
        (schedule("x", "daily"), "cron"),
        (schedule("x", "0 2 30 2 *"), "cron"),
        (
            NewSchedule {
                timezone: "Berlin".to_owned(),
                ..schedule("x", "0 2 * * *")
            },
            "timezone",
        ),
        (
            NewSchedule {
                label: Some(" ".to_owned()),
                ..schedule("x", "0 2 * * *")
            },
            "label",
        ),
    ] {
        assert_eq!(
            field(schedules.create(admin, new.clone(), None).await),
            expected,
            "{new:?}"
        );
        let patch = SchedulePatch {
            name: Some(new.name),
            cron: Some(new.cron),
            timezone: Some(new.timezone),
            label: Some(new.label),
            ..SchedulePatch::default()
        };
        assert_eq!(field(schedules.update(admin, id, patch).await), expected);
    }
    let taken = schedules.create(admin, schedule("nightly", "0 5 * * *"), None).await;
    assert!(matches!(taken, Err(Error::ScheduleNameTaken)), "{taken:?}");
    let name = SchedulePatch {
        name: Some("nightly".to_owned()),
        ..SchedulePatch::default()
    };
    let taken = schedules.update(admin, other, name).await;
    assert!(matches!(taken, Err(Error::ScheduleNameTaken)), "{taken:?}");
    for unknown in [
        schedules.get(admin, 4711).await.map(drop),
        schedules.update(admin, 4711, SchedulePatch::default()).await.map(drop),
        schedules.delete(admin, 4711).await,
        schedules.run_now(admin, 4711, None).await.map(drop),
        schedules.find(admin, "weekly").await.map(drop),
        schedules.find(admin, "\0").await.map(drop),
    ] {
        assert!(matches!(unknown, Err(Error::UnknownSchedule)), "{unknown:?}");
    }
    assert_eq!(schedules.find(admin, "Nightly").await.unwrap().id, other);
    assert_eq!(schedules.find(admin, &id.to_string()).await.unwrap().name, "nightly");
    let listed = schedules.list(admin, 1, 1).await.unwrap();
    assert_eq!((listed.items.len(), listed.total), (1, 2));
    assert_eq!(listed.items[0].last_run, None);
}

#[on_every_engine]
async fn repeated_request_creates_one_schedule(engine: Engine) {
    use campus_backup_domain::job::Idempotency;
    let rig = Rig::on(engine).await;
    let (schedules, admin) = (&rig.copy.schedules, &rig.copy.admin);
    let key = |body: i32| Some(Idempotency::new("k", "createSchedule", &serde_json::json!(body)).unwrap());
    let new = || schedule("nightly", "0 2 * * *");
    let (one, two) = tokio::join!(
        schedules.create(admin, new(), key(1)),
        schedules.create(admin, new(), key(1)),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    assert_eq!(schedules.create(admin, new(), key(1)).await.unwrap(), one);
    let other = schedules.create(admin, schedule("other", "0 3 * * *"), key(2)).await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)), "{other:?}");
    assert_eq!(schedules.list(admin, 10, 0).await.unwrap().total, 1);
}

#[on_every_engine]
async fn first_schedule_of_a_demo_is_created_once(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (schedules, admin) = (&rig.copy.schedules, &rig.copy.admin);
    assert!(!schedules.is_any().await.unwrap());
    let first = schedules.create_first("Asia/Kolkata").await.unwrap().unwrap();
    assert_eq!(
        (first.cron.as_str(), first.timezone.as_str()),
        ("0 2 * * *", "Asia/Kolkata")
    );
    assert_eq!(first.created_by, "system");
    assert!(schedules.is_any().await.unwrap());
    assert_eq!(schedules.create_first("UTC").await.unwrap(), None);
    schedules.delete(admin, first.id).await.unwrap();
    assert!(!schedules.is_any().await.unwrap());
}

#[on_every_engine]
async fn run_now_is_a_job_of_the_administrator_and_no_run(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (schedules, admin) = (&rig.copy.schedules, &rig.copy.admin);
    let id = rig.create(schedule("nightly", "0 2 * * *")).await;
    let job = schedules.run_now(admin, id, None).await.unwrap().ended().await.unwrap();
    assert_eq!((job.state, job.username.as_str()), (JobState::Succeeded, "admin"));
    assert_eq!(job.parameters["label"], "nightly");
    assert!(rig.states().await.is_empty());
    assert_eq!(rig.next_run(id).await, Some(at("2026-11-30T02:00:00Z")));
}

/// The service was stopped for so long that the job was deleted before the run saw its end.
#[on_every_engine]
async fn archive_of_a_forgotten_job_is_found_in_the_store(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (copy, scratch) = (&rig.copy, &rig.school.scratch);
    rig.create(schedule("nightly", "0 2 * * *")).await;
    rig.clock.advance(DAY);
    copy.tick().await.unwrap();
    let run = runs(scratch).await.remove(0);
    let job_id = run.job_id.unwrap();
    until("the job has ended", WAIT_LIMIT, async || {
        copy.jobs.get(&job_id).await.unwrap().state == JobState::Succeeded
    })
    .await;
    scratch.execute("delete from backup_jobs").await;
    copy.tick().await.unwrap();
    let run = runs(scratch).await.remove(0);
    let archives = copy
        .operations
        .list(&copy.admin, &ArchiveQuery::default())
        .await
        .unwrap();
    assert_eq!((run.state, archives.total), (RunState::Succeeded, 1));
    assert_eq!(run.archive_id.as_ref(), Some(&archives.items[0].manifest.id));
}

#[on_every_engine]
async fn old_runs_are_deleted_and_the_newest_stay(engine: Engine) {
    let rig = Rig::on(engine).await;
    let scratch = &rig.school.scratch;
    let (often, rarely) = (
        rig.create(schedule("often", "* * * * *")).await,
        rig.create(schedule("rarely", "0 2 * * 0")).await,
    );
    let off = SchedulePatch {
        enabled: Some(false),
        ..SchedulePatch::default()
    };
    for id in [often, rarely] {
        rig.copy
            .schedules
            .update(&rig.copy.admin, id, off.clone())
            .await
            .unwrap();
    }
    let now = rig.clock.now();
    let mut rows = Vec::new();
    let mut run = |schedule: i64, due: DateTime<Utc>, state: &str| {
        let due = due.format("%Y-%m-%dT%H:%M:%S+00:00");
        rows.push(match engine {
            Engine::Mysql => format!(
                "({schedule}, '{}', '{state}', 'x', 'none', 0)",
                due.to_string().replace("+00:00", "")
            ),
            _ => format!("({schedule}, '{due}', '{state}', 'x', 'none', 0)"),
        });
    };
    // Beyond the newest thousand: 30 older than a week, of which one has not ended; 20 younger.
    for minute in 0..30 {
        run(
            often,
            now - DAY * 8 + MINUTE * minute,
            if minute == 3 { "running" } else { "succeeded" },
        );
    }
    for minute in 0..1020 {
        run(often, now - DAY + MINUTE * minute, "succeeded");
    }
    for days in [399, 401, 500] {
        run(rarely, now - DAY * days, "failed");
    }
    scratch
        .execute(&format!(
            "insert into backup_schedule_runs (schedule_id, due_at, state, label, verify, attempt) values {}",
            rows.join(", ")
        ))
        .await;
    let automation = stubbed(scratch, &rig.clock, &rig.stub).await;
    automation.tick().await.unwrap();
    let left = runs(scratch).await;
    let of = |schedule: i64| left.iter().filter(|run| run.schedule_id == schedule).count();
    assert_eq!((of(often), of(rarely)), (1021, 1));
}
