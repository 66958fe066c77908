//! Schedules, retention, notifications and health together, while the servers that they need fail, at a clock that the test
//! sets. No run is lost or made twice, the newest verified archive is always there, and each event is reported once.

use std::collections::BTreeSet;

use campus_backup_domain::Error;
use campus_backup_domain::health::alarm::HOLD;
use campus_backup_domain::health::{HealthCode, HealthSettings, HealthStatus};
use campus_backup_domain::operations::ArchiveQuery;
use campus_backup_domain::retention::RetentionPolicy;
use campus_backup_domain::schedule::{NewSchedule, RunState, Timetable, Verify};
use campus_backup_domain::store::StoreSettings;
use chrono::{DateTime, TimeDelta, Utc};

use harness::disk::MountedDisk;
use harness::notify_rig::{NotifyCopy, email, mail_settings, webhook};
use harness::s3::{S3, S3Fault};
use harness::schedule_rig::{ScheduleCopy, TestClock, runs, schedule};
use harness::smtp::{MailRules, MailServer};
use harness::{Engine, Receiver, School, WAIT_LIMIT, on_every_engine, refusing_address, small_school, until};

const EVERY_NIGHT: &str = "0 2 * * *";
const DAY: TimeDelta = TimeDelta::days(1);

/// What the nights have made so far.
struct Rig {
    school: School,
    clock: TestClock,
    copy: ScheduleCopy,
    /// The due times of the schedule, which are still to come.
    nights: std::vec::IntoIter<DateTime<Utc>>,
    /// Each night with its run's expected state.
    made: Vec<(DateTime<Utc>, RunState)>,
}

impl Rig {
    /// A small school with a nightly, verified backup, of which two stay. The times of archives are those of this machine, so
    /// the clock begins with it.
    async fn on(engine: Engine, store: StoreSettings) -> Self {
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        clock.set(Utc::now() + TimeDelta::hours(1));
        // The clock runs ahead of the archives' times, which must not look old.
        let health = HealthSettings {
            stale_after: Some(DAY * 400),
            ..HealthSettings::default()
        };
        let copy = ScheduleCopy::with(&school.scratch, &clock, store, health).await;
        let nightly = NewSchedule {
            verify: Verify::Digest,
            ..schedule("nightly", EVERY_NIGHT)
        };
        copy.schedules.create(&copy.admin, nightly, None).await.unwrap();
        let policy = RetentionPolicy {
            keep_last: 2,
            ..RetentionPolicy::default()
        };
        copy.retention.set(&copy.admin, policy).await.unwrap();
        let timetable = Timetable::new(EVERY_NIGHT, "UTC", clock.now()).unwrap();
        Self {
            nights: timetable.upcoming(clock.now(), 20).into_iter(),
            made: Vec::new(),
            school,
            clock,
            copy,
        }
    }

    async fn tick(&self) {
        match self.copy.tick().await {
            // On SQLite another job may hold the lock; a store that fails is tried again.
            Ok(())
            | Err(
                Error::DatabaseBusy { .. }
                | Error::StoreUnavailable { .. }
                | Error::StoreMisconfigured { .. }
                | Error::InsufficientStorage { .. },
            ) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Makes the run of the next night, whose attempts fail until `recover` says that something was corrected.
    async fn night(&mut self, expected: RunState, mut recover: impl FnMut(i64)) {
        let due = self.nights.next().unwrap();
        self.clock.set(due);
        self.made.push((due, expected));
        until("the run of a night has ended", WAIT_LIMIT * 2, async || {
            self.tick().await;
            let runs = runs(&self.school.scratch).await;
            if let Some((run, retry_at)) = runs.iter().find_map(|run| Some((run, run.retry_at?))) {
                recover(run.attempt);
                self.clock.set(retry_at.max(self.clock.now()));
            }
            runs.len() == self.made.len() && runs.iter().all(|run| run.state.has_ended())
        })
        .await;
        assert_eq!(runs(&self.school.scratch).await.pop().unwrap().state, expected);
        self.until_no_job_runs().await;
        // Retention has its turn.
        self.tick().await;
        self.until_no_job_runs().await;
    }

    async fn until_no_job_runs(&self) {
        let active = "select count(*) from backup_jobs where state in ('queued', 'running', 'cancelling')";
        until("all jobs have ended", WAIT_LIMIT, async || {
            self.school.scratch.number(active).await == 0
        })
        .await;
    }

    /// The archives of the runs that have succeeded, the newest last.
    async fn verified(&self) -> Vec<String> {
        let runs = runs(&self.school.scratch).await.into_iter();
        runs.filter(|run| run.state == RunState::Succeeded)
            .map(|run| run.archive_id.unwrap())
            .collect()
    }

    async fn archives(&self) -> Vec<String> {
        let listed = self
            .copy
            .operations
            .list(&self.copy.admin, &ArchiveQuery::default())
            .await
            .unwrap();
        listed.items.iter().map(|archive| archive.manifest.id.clone()).collect()
    }

    /// Everything that must hold while the store works.
    async fn check(&self) {
        let verified = self.verified().await;
        let archives = self.archives().await;
        assert!(archives.contains(verified.last().unwrap()), "{archives:?} {verified:?}");
        let made: Vec<_> = runs(&self.school.scratch)
            .await
            .iter()
            .map(|run| (run.due_at, run.state))
            .collect();
        assert_eq!(made, self.made);
    }

    /// Updates the alarms until what holds now is reported, and what does not is over.
    async fn alarms(&self) {
        for _ in 0..3 {
            let report = self.copy.health.check().await;
            self.copy.health.update_alarms(&report).await.unwrap();
            self.clock.advance(HOLD);
        }
    }
}

#[on_every_engine(nightly)]
async fn failures_of_servers_lose_and_double_no_run(engine: Engine) {
    let s3 = S3::start().await;
    let mut rig = Rig::on(engine, s3.settings()).await;
    let receiver = Receiver::start().await;
    let (address, socket) = refusing_address();
    let notify = NotifyCopy::on(&rig.school.scratch, &rig.clock, mail_settings(address.port())).await;
    notify.create(webhook("chat", &receiver)).await;
    notify.create(email("office", &["office@school.example"])).await;
    use RunState::{Failed, Succeeded};

    rig.night(Succeeded, |_| {}).await;
    rig.check().await;
    notify.deliver().await.unwrap();

    // The store refuses everything for a night, and the mail server is down.
    s3.fail(S3Fault::Refuses(403));
    rig.night(Failed, |_| {}).await;
    rig.alarms().await;
    let report = rig.copy.health.last().unwrap();
    assert_eq!(report.status, HealthStatus::Failing);
    assert!(report.reason(HealthCode::StoreUnavailable).is_some(), "{report:?}");
    notify.deliver().await.unwrap();
    s3.recover();
    rig.check().await;

    // The mail server is back: nothing is lost, and the alarm comes before its end.
    let server = MailServer::on(socket.listen(16).unwrap(), MailRules::OPEN);
    rig.night(Succeeded, |_| {}).await;
    rig.check().await;
    rig.alarms().await;
    assert_ne!(rig.copy.health.last().unwrap().status, HealthStatus::Failing);
    rig.clock.advance(TimeDelta::hours(1));
    notify.deliver().await.unwrap();
    let subjects: Vec<_> = server.mails().iter().map(|mail| mail.header("Subject")).collect();
    let position = |word: &str| subjects.iter().rposition(|subject| subject.contains(word)).unwrap();
    assert!(position("Backup failed") < position("Backup created"), "{subjects:?}");
    assert!(position("need attention") < position("is solved"), "{subjects:?}");

    // Uploads are cut, until the second attempt.
    s3.fail(S3Fault::Cuts);
    rig.night(Succeeded, |_| s3.recover()).await;
    rig.check().await;
    // Each answer is slow.
    s3.fail(S3Fault::IsSlow(std::time::Duration::from_millis(30)));
    rig.night(Succeeded, |_| {}).await;
    rig.check().await;
    assert_eq!(rig.archives().await.len(), 2);
    // Retention can delete nothing, and does so after the next backup.
    s3.fail(S3Fault::RefusesDeletions);
    rig.night(Succeeded, |_| {}).await;
    rig.check().await;
    assert_eq!(rig.archives().await.len(), 3);
    // The store is full, until the third attempt.
    s3.fail(S3Fault::Refuses(507));
    rig.night(Succeeded, |attempt| {
        if attempt == 2 {
            s3.recover();
        }
    })
    .await;
    rig.check().await;
    assert_eq!(rig.archives().await.len(), 2);

    // The clock is set back by a day, and forward again.
    rig.clock.advance(-DAY);
    for _ in 0..3 {
        rig.tick().await;
        rig.until_no_job_runs().await;
    }
    rig.check().await;
    rig.clock.advance(DAY);
    rig.tick().await;
    rig.night(Succeeded, |_| {}).await;
    rig.check().await;

    // Each archive belongs to a run, also those that were deleted.
    let deleted = std::fs::read_dir(s3.folder().join("deleted")).unwrap();
    let deleted = deleted.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stored: BTreeSet<String> = rig.archives().await.into_iter().chain(deleted).collect();
    let verified = rig.verified().await;
    assert_eq!(stored, verified.iter().cloned().collect());
    assert_eq!(stored.len(), verified.len());

    rig.clock.advance(TimeDelta::hours(1));
    notify.deliver().await.unwrap();
    let count = |kind: &str| receiver.events().iter().filter(|event| *event == kind).count();
    assert_eq!((count("backup_succeeded"), count("backup_failed")), (verified.len(), 1));
    assert!(count("backup_stale") > 0 && count("backup_well_again") > 0);
    let ids: BTreeSet<_> = receiver
        .requests()
        .iter()
        .map(|request| request.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids.len(), receiver.requests().len(), "each once");
    assert_eq!(server.mails().len(), receiver.requests().len());
}

#[on_every_engine(nightly)]
async fn full_disk_loses_no_run(engine: Engine) {
    let Some(disk) = MountedDisk::new("size=12m") else {
        return;
    };
    let store = StoreSettings::folder(disk.folder().join("archives"));
    let mut rig = Rig::on(engine, store).await;
    rig.night(RunState::Succeeded, |_| {}).await;
    rig.check().await;
    disk.fill();
    let report = rig.copy.health.check().await;
    assert!(report.reason(HealthCode::StoreFull).is_some(), "{report:?}");
    rig.night(RunState::Succeeded, |attempt| {
        if attempt == 3 {
            disk.make_room();
        }
    })
    .await;
    rig.check().await;
    disk.fill();
    rig.night(RunState::Failed, |_| {}).await;
    rig.check().await;
    let run = runs(&rig.school.scratch).await.pop().unwrap();
    assert_eq!(run.error_code.as_deref(), Some("insufficientstorage"));
    disk.make_room();
    rig.night(RunState::Succeeded, |_| {}).await;
    rig.check().await;
    // The failed run has ended by the clock of the test, which is ahead of that of the job that has succeeded since. So retention
    // has its turn only now.
    rig.clock.advance(TimeDelta::hours(1));
    rig.tick().await;
    rig.until_no_job_runs().await;
    rig.check().await;
    assert_eq!(rig.archives().await.len(), 2);
}
