//! Retention at a clock that the test sets, by one copy of the service and by several.

use std::collections::BTreeSet;

use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_domain::entity::job::{JobKind, JobState};
use campus_backup_domain::entity::{archive, job, schedule_run};
use campus_backup_domain::health::{HealthCode, HealthSettings};
use campus_backup_domain::job::{Job, JobFilter, JobResult, Phase, RetentionReport, Submitted};
use campus_backup_domain::operations::{AnnotationPatch, Annotations, ArchiveLoss, ArchiveQuery};
use campus_backup_domain::retention::{DeleteReason, HoldCode, KeepReason, RetentionPlan, RetentionPolicy};
use campus_backup_domain::schedule::{RunState, Verify};
use campus_backup_domain::suspicion::{FewerRows, SuspicionFinding};
use campus_backup_domain::{Error, Result};
use chrono::{TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ActiveValue, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use harness::notify_rig::{NotifyCopy, notify_settings, webhook};
use harness::s3::{S3, S3Fault};
use harness::schedule_rig::{ScheduleCopy, TestClock};
use harness::{Engine, Receiver, School, WAIT_LIMIT, on_every_engine, small_school, until};

/// A small school, a clock that is an hour ahead, and a copy of the service.
struct Rig {
    school: School,
    clock: TestClock,
    copy: ScheduleCopy,
}

fn last(count: u32) -> RetentionPolicy {
    RetentionPolicy {
        keep_last: count,
        ..RetentionPolicy::default()
    }
}

async fn ended(submitted: Result<Submitted>) -> Job {
    submitted.unwrap().ended().await.unwrap()
}

fn report(job: Job) -> RetentionReport {
    match job.result {
        Some(JobResult::Retention(report)) => report,
        other => panic!("{other:?} of {:?}", job.state),
    }
}

fn kept(plan: &RetentionPlan) -> Vec<&str> {
    plan.keep.iter().map(|archive| archive.id.as_str()).collect()
}

fn deleted(plan: &RetentionPlan) -> Vec<&str> {
    plan.delete.iter().map(|archive| archive.id.as_str()).collect()
}

fn reasons(plan: &RetentionPlan, id: &str) -> BTreeSet<KeepReason> {
    let kept = plan.keep.iter().find(|archive| archive.id == id);
    kept.unwrap_or_else(|| panic!("{id} does not stay: {plan:?}"))
        .reasons
        .clone()
}

impl Rig {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        clock.set(Utc::now() + TimeDelta::hours(1));
        Self {
            copy: ScheduleCopy::on(&school.scratch, &clock).await,
            school,
            clock,
        }
    }

    /// Creates backups, the oldest first.
    async fn backups<const N: usize>(&self) -> [String; N] {
        let mut ids = Vec::new();
        for _ in 0..N {
            let created = self
                .copy
                .operations
                .create_backup(&self.copy.admin, Annotations::default(), None);
            match ended(created.await).await.result {
                Some(JobResult::Archive(backup)) => ids.push(backup.archive_id),
                other => panic!("{other:?}"),
            }
        }
        ids.try_into().unwrap()
    }

    async fn verify(&self, id: &str) {
        let (operations, admin) = (&self.copy.operations, &self.copy.admin);
        let verified = operations.verify(admin, id, VerificationLevel::Digest, None).await;
        assert_eq!(ended(verified).await.state, JobState::Succeeded);
    }

    async fn protect(&self, id: &str) {
        let edit = AnnotationPatch {
            protected: Some(true),
            ..AnnotationPatch::default()
        };
        self.copy.operations.edit(&self.copy.admin, id, &edit).await.unwrap();
    }

    async fn set(&self, policy: RetentionPolicy) {
        self.copy.retention.set(&self.copy.admin, policy).await.unwrap();
    }

    async fn preview(&self) -> RetentionPlan {
        self.copy.retention.preview(&self.copy.admin, None).await.unwrap()
    }

    /// Applies the current plan.
    async fn apply(&self) -> RetentionReport {
        let plan = self.preview().await;
        report(ended(self.copy.retention.apply(&self.copy.admin, &plan.plan_hash, None).await).await)
    }

    /// The ids of all archives, the newest first.
    async fn archives(&self) -> Vec<String> {
        let listed = self
            .copy
            .operations
            .list(&self.copy.admin, &ArchiveQuery::default())
            .await
            .unwrap();
        listed.items.iter().map(|archive| archive.manifest.id.clone()).collect()
    }

    /// The jobs of retention, the newest first.
    async fn jobs(&self) -> Vec<Job> {
        let filter = JobFilter {
            kind: Some(JobKind::Retention),
            ..JobFilter::default()
        };
        self.copy
            .jobs
            .list(&self.copy.admin, &filter, 100, 0)
            .await
            .unwrap()
            .items
    }

    async fn until_no_job_runs(&self) {
        until("jobs of retention have ended", WAIT_LIMIT, async || {
            self.jobs().await.iter().all(|job| job.state.has_ended())
        })
        .await;
    }

    async fn held(&self) -> Option<HoldCode> {
        let details = self.copy.retention.get(&self.copy.admin).await.unwrap();
        let held = details.held.map(|held| held.code);
        assert_eq!(self.preview().await.held.map(|held| held.code), held);
        held
    }
}

#[on_every_engine]
async fn nothing_is_deleted_without_a_policy_or_with_another_plan(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (retention, admin) = (&rig.copy.retention, &rig.copy.admin);
    let ids = rig.backups::<3>().await;
    let off = retention.preview(admin, None).await;
    assert!(matches!(off, Err(Error::RetentionOff)), "{off:?}");
    let tried = retention.preview(admin, Some(&last(1))).await.unwrap();
    assert_eq!(deleted(&tried), [&ids[1], &ids[0]]);
    let off = retention.apply(admin, &tried.plan_hash, None).await;
    assert!(matches!(off, Err(Error::RetentionOff)), "{off:?}");
    for empty in [
        retention.set(admin, last(0)).await.map(drop),
        retention.preview(admin, Some(&last(0))).await.map(drop),
    ] {
        assert!(
            matches!(empty, Err(Error::Invalid { field: "keep_last", .. })),
            "{empty:?}"
        );
    }
    rig.set(last(2)).await;
    // The plan of another policy, and one of other archives.
    let stale = rig.preview().await.plan_hash;
    let _newer = rig.backups::<1>().await;
    for hash in [tried.plan_hash.as_str(), stale.as_str(), ""] {
        let refused = retention.apply(admin, hash, None).await;
        assert!(matches!(refused, Err(Error::PlanOutdated)), "{refused:?}");
    }
    assert_eq!(rig.archives().await.len(), 4);
    assert!(rig.jobs().await.is_empty());
}

#[on_every_engine]
async fn application_does_what_the_preview_says(engine: Engine) {
    let rig = Rig::on(engine).await;
    let [protected, verified, older, old, newest] = rig.backups::<5>().await;
    rig.protect(&protected).await;
    rig.verify(&verified).await;
    rig.set(last(1)).await;
    let plan = rig.preview().await;
    assert_eq!(kept(&plan), [&newest, &verified, &protected]);
    assert_eq!(
        reasons(&plan, &newest),
        BTreeSet::from([KeepReason::Last, KeepReason::Minimum, KeepReason::Newest])
    );
    assert_eq!(reasons(&plan, &verified), BTreeSet::from([KeepReason::NewestVerified]));
    assert_eq!(reasons(&plan, &protected), BTreeSet::from([KeepReason::Protected]));
    assert_eq!(deleted(&plan), [&old, &older]);
    assert!(plan.delete.iter().all(|archive| archive.reason == DeleteReason::NoRule));
    let done = rig.apply().await;
    assert_eq!(done.deleted, [older, old]);
    assert_eq!(done.freed_bytes, plan.frees_bytes);
    assert!(
        done.freed_bytes > 0 && done.skipped.is_empty() && done.failed.is_empty(),
        "{done:?}"
    );
    assert_eq!(
        rig.archives().await,
        [&newest, &verified, &protected].map(String::clone)
    );
    assert!(rig.preview().await.delete.is_empty());
    let details = rig.copy.retention.get(&rig.copy.admin).await.unwrap();
    assert_eq!(
        (details.policy, details.updated_by.as_deref()),
        (Some(last(1)), Some("admin"))
    );
    assert_eq!(report(details.last_application.unwrap()), done);
    rig.copy.retention.remove(&rig.copy.admin).await.unwrap();
    let details = rig.copy.retention.get(&rig.copy.admin).await.unwrap();
    assert_eq!((details.policy, details.updated_at, details.held), (None, None, None));
}

#[on_every_engine]
async fn nothing_is_deleted_while_the_latest_backup_is_in_doubt(engine: Engine) {
    let rig = Rig::on(engine).await;
    let scratch = &rig.school.scratch;
    let [_, _, newest] = rig.backups::<3>().await;
    rig.set(last(1)).await;
    assert_eq!(rig.held().await, None);
    let is_refused = async || {
        let plan = rig.preview().await;
        let refused = rig.copy.retention.apply(&rig.copy.admin, &plan.plan_hash, None).await;
        assert!(matches!(refused, Err(Error::RetentionHeld { .. })), "{refused:?}");
        rig.clock.advance(TimeDelta::hours(2));
        rig.copy.tick().await.unwrap();
        assert!(rig.jobs().await.is_empty());
        assert_eq!(rig.archives().await.len(), 3);
    };

    let of_newest = format!("where id = (select job_id from backup_archives where archive_id = '{newest}')");
    for state in ["failed", "interrupted"] {
        scratch
            .execute(&format!(
                "update backup_jobs set state = '{state}', error_detail = 'The disk is full.' {of_newest}"
            ))
            .await;
        assert_eq!(rig.held().await, Some(HoldCode::LatestBackupFailed));
        let held = rig.preview().await.held.unwrap();
        assert!(held.detail.contains("The disk is full."), "{held:?}");
        is_refused().await;
    }
    // An administrator knows of a cancelled backup.
    scratch
        .execute(&format!("update backup_jobs set state = 'cancelled' {of_newest}"))
        .await;
    assert_eq!(rig.held().await, None);
    scratch
        .execute(&format!("update backup_jobs set state = 'succeeded' {of_newest}"))
        .await;

    // The backup succeeded, and its verification failed.
    let run = schedule_run::Model {
        id: 0,
        schedule_id: 1,
        due_at: Utc::now(),
        state: RunState::Failed,
        label: "nightly".to_owned(),
        verify: Verify::Digest,
        attempt: 5,
        retry_at: None,
        job_id: None,
        verify_job_id: None,
        archive_id: None,
        error_code: None,
        error_detail: Some("The archive is damaged.".to_owned()),
        started_at: None,
        ended_at: Some(Utc::now() + TimeDelta::seconds(1)),
    };
    let run = schedule_run::ActiveModel {
        id: ActiveValue::NotSet,
        ..run.into_active_model()
    };
    schedule_run::Entity::insert(run)
        .exec_without_returning(scratch.connection())
        .await
        .unwrap();
    assert_eq!(rig.held().await, Some(HoldCode::LatestBackupFailed));
    is_refused().await;
    scratch
        .execute("update backup_schedule_runs set state = 'succeeded'")
        .await;
    assert_eq!(rig.held().await, None);

    mark_suspicious(&rig, &newest).await;
    assert_eq!(rig.held().await, Some(HoldCode::LatestBackupSuspicious));
    is_refused().await;
    let accepted = rig.copy.operations.accept(&rig.copy.admin, &newest).await.unwrap();
    assert_eq!(accepted.suspicion.unwrap().accepted_by.as_deref(), Some("admin"));
    assert_eq!(rig.held().await, None);

    rig.clock.set(Utc::now() - TimeDelta::days(1));
    assert_eq!(rig.held().await, Some(HoldCode::ClockBehind));
    rig.clock.set(Utc::now() + TimeDelta::days(1));
    assert_eq!(rig.apply().await.deleted.len(), 2);
}

/// A suspicious backup is told when it is created, and that old backups stay because of it is told once.
#[on_every_engine]
async fn suspicious_backup_and_its_hold_are_told_once(engine: Engine) {
    let rig = Rig::on(engine).await;
    let scratch = &rig.school.scratch;
    let receiver = Receiver::start().await;
    let notify = NotifyCopy::on(scratch, &rig.clock, notify_settings()).await;
    for id in 1001..=1040 {
        let student = format!("insert into students (id, full_name, registration_number) values ({id}, 'x', 'n{id}')");
        scratch.execute(&student).await;
    }
    let _good = rig.backups::<2>().await;
    notify.create(webhook("all", &receiver)).await;
    scratch.execute("delete from students where id > 1001").await;
    let [suspicious] = rig.backups::<1>().await;
    rig.set(last(1)).await;
    for _ in 0..2 {
        rig.clock.advance(TimeDelta::hours(1));
        rig.copy.tick().await.unwrap();
    }
    assert!(rig.jobs().await.is_empty(), "nothing is deleted");
    notify.deliver().await.unwrap();
    let told = ["archive_suspicious", "backup_succeeded", "retention_held"];
    assert_eq!(receiver.events(), told);
    let has = async |code| rig.copy.health.check().await.reason(code).is_some();
    assert!(has(HealthCode::ArchiveSuspicious).await && has(HealthCode::RetentionHeld).await);

    let accepted = rig.copy.operations.accept(&rig.copy.admin, &suspicious).await;
    accepted.unwrap();
    assert!(!has(HealthCode::ArchiveSuspicious).await && !has(HealthCode::RetentionHeld).await);
    rig.clock.advance(TimeDelta::hours(1));
    rig.copy.tick().await.unwrap();
    rig.until_no_job_runs().await;
    assert_eq!(rig.archives().await, [suspicious]);
}

async fn mark_suspicious(rig: &Rig, id: &str) {
    let findings = vec![SuspicionFinding::Rows(FewerRows {
        table: "students".to_owned(),
        before: 100,
        now: 1,
    })];
    let marked = archive::Entity::update_many()
        .col_expr(
            archive::Column::Suspicion,
            Expr::value(serde_json::to_string(&findings).unwrap()),
        )
        .filter(sea_orm::ColumnTrait::eq(&archive::Column::ArchiveId, id))
        .exec(rig.school.scratch.connection())
        .await
        .unwrap();
    assert_eq!(marked.rows_affected, 1);
}

#[on_every_engine]
async fn archives_in_use_and_suspicious_ones_stay(engine: Engine) {
    let rig = Rig::on(engine).await;
    let [suspicious, of_job, of_run, newest] = rig.backups::<4>().await;
    rig.set(last(1)).await;
    assert_eq!(rig.preview().await.delete.len(), 3);
    mark_suspicious(&rig, &suspicious).await;
    let connection = rig.school.scratch.connection();
    let run = schedule_run::ActiveModel {
        schedule_id: ActiveValue::Set(1),
        due_at: ActiveValue::Set(Utc::now()),
        state: ActiveValue::Set(RunState::Verifying),
        label: ActiveValue::Set("nightly".to_owned()),
        verify: ActiveValue::Set(Verify::Digest),
        attempt: ActiveValue::Set(0),
        archive_id: ActiveValue::Set(Some(of_run.clone())),
        ..schedule_run::ActiveModel::default()
    };
    schedule_run::Entity::insert(run)
        .exec_without_returning(connection)
        .await
        .unwrap();
    let restore = job::Model {
        id: "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70".to_owned(),
        kind: JobKind::Restore,
        state: JobState::Running,
        phase: Phase::Waiting,
        rows_done: 0,
        rows_total: None,
        bytes: 0,
        eta_seconds: None,
        user_id: None,
        username: "admin".to_owned(),
        created_at: Utc::now(),
        started_at: None,
        // The reaper must not end it before it was seen.
        heartbeat_at: Utc::now() + TimeDelta::seconds(30),
        ended_at: None,
        runner: "another".to_owned(),
        parameters: format!(r#"{{"archive_id": "{of_job}", "mode": "replace"}}"#),
        result: None,
        error_code: None,
        error_detail: None,
        idempotency_key: None,
        fingerprint: None,
        method: None,
        client: None,
        token_id: None,
    };
    job::Entity::insert(restore.into_active_model())
        .exec_without_returning(connection)
        .await
        .unwrap();
    let plan = rig.preview().await;
    assert_eq!(kept(&plan), [&newest, &of_run, &of_job, &suspicious]);
    for (id, expected) in [
        (&of_run, KeepReason::InUse),
        (&of_job, KeepReason::InUse),
        (&suspicious, KeepReason::Suspicious),
    ] {
        assert_eq!(reasons(&plan, id), BTreeSet::from([expected]));
    }
}

/// The newest good backup stays, although a suspicious one is newer and the policy would keep only one.
#[on_every_engine]
async fn newest_good_archives_are_deleted_only_with_acceptance(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (operations, admin) = (&rig.copy.operations, &rig.copy.admin);
    let [verified, older, good, suspicious] = rig.backups::<4>().await;
    rig.verify(&verified).await;
    mark_suspicious(&rig, &suspicious).await;
    for (id, expected) in [(&good, "backup"), (&verified, "verified backup")] {
        let refused = operations.delete(admin, id, ArchiveLoss::Refused).await;
        assert!(
            matches!(refused, Err(Error::ArchiveIsNewest { what }) if what == expected),
            "{refused:?}"
        );
    }
    for id in [&older, &suspicious] {
        operations.delete(admin, id, ArchiveLoss::Refused).await.unwrap();
    }
    assert_eq!(rig.archives().await, [&good, &verified].map(String::clone));
    rig.protect(&good).await;
    let refused = operations.delete(admin, &good, ArchiveLoss::Accepted).await;
    assert!(matches!(refused, Err(Error::ArchiveProtected { .. })), "{refused:?}");
    operations
        .delete(admin, &verified, ArchiveLoss::Accepted)
        .await
        .unwrap();
    assert_eq!(rig.archives().await, [good]);
}

#[on_every_engine]
async fn service_applies_the_policy_once_after_each_backup(engine: Engine) {
    let rig = Rig::on(engine).await;
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(ScheduleCopy::on(&rig.school.scratch, &rig.clock).await);
    }
    let tick_all = async || {
        let copies = others.iter().chain([&rig.copy]);
        for done in futures_util::future::join_all(copies.map(ScheduleCopy::tick)).await {
            // On SQLite another copy may hold the lock for long.
            assert!(matches!(done, Ok(()) | Err(Error::DatabaseBusy { .. })), "{done:?}");
        }
        rig.until_no_job_runs().await;
    };
    let _old = rig.backups::<3>().await;
    tick_all().await;
    assert!(rig.jobs().await.is_empty(), "there is no policy");
    rig.set(last(1)).await;
    tick_all().await;
    assert!(rig.jobs().await.is_empty(), "there is time to look at the preview");
    for jobs in 1..=3 {
        let newest = rig.backups::<1>().await;
        tick_all().await;
        tick_all().await;
        assert_eq!(rig.archives().await, newest);
        let made = rig.jobs().await;
        assert_eq!(made.len(), jobs, "{made:?}");
        assert!(made.iter().all(|job| job.username == "system" && job.user_id.is_none()));
        assert_eq!(report(made[0].clone()).deleted.len(), if jobs == 1 { 3 } else { 1 });
    }
    // After an hour there is nothing to delete, and so no job.
    rig.clock.advance(TimeDelta::hours(1));
    tick_all().await;
    assert_eq!(rig.jobs().await.len(), 3);
    rig.copy.retention.remove(&rig.copy.admin).await.unwrap();
    let _two = rig.backups::<2>().await;
    rig.clock.advance(TimeDelta::hours(2));
    tick_all().await;
    assert_eq!(rig.archives().await.len(), 3);
}

#[on_every_engine]
async fn policy_of_an_hour_ago_is_applied_without_a_new_backup(engine: Engine) {
    let rig = Rig::on(engine).await;
    let [_, newest] = rig.backups::<2>().await;
    rig.set(last(1)).await;
    rig.clock.advance(TimeDelta::minutes(59));
    rig.copy.tick().await.unwrap();
    assert!(rig.jobs().await.is_empty());
    rig.clock.advance(TimeDelta::minutes(1));
    rig.copy.tick().await.unwrap();
    rig.until_no_job_runs().await;
    assert_eq!(rig.archives().await, [newest]);
}

#[on_every_engine]
async fn archive_that_can_not_be_deleted_is_reported(engine: Engine) {
    let rig = Rig::on(engine).await;
    let [first, second, newest] = rig.backups::<3>().await;
    rig.set(last(1)).await;
    let tombstones = rig.school.scratch.folder().join("archives/deleted");
    std::fs::remove_dir(&tombstones).unwrap();
    std::fs::write(&tombstones, "a file where the store has a folder").unwrap();
    let done = rig.apply().await;
    assert!(
        done.deleted.is_empty() && done.freed_bytes == 0 && done.skipped.is_empty(),
        "{done:?}"
    );
    let failed: Vec<_> = done.failed.iter().map(|failure| failure.archive_id.as_str()).collect();
    assert_eq!(failed, [&first, &second]);
    assert!(
        done.failed
            .iter()
            .all(|failure| !failure.code.is_empty() && !failure.detail.is_empty())
    );
    assert_eq!(rig.archives().await.len(), 3);
    std::fs::remove_file(&tombstones).unwrap();
    assert_eq!(rig.apply().await.deleted, [first, second]);
    assert_eq!(rig.archives().await, [newest]);
}

#[on_every_engine]
async fn archive_that_is_needed_meanwhile_is_skipped(engine: Engine) {
    let rig = Rig::on(engine).await;
    let [protected, suspicious, gone, newest] = rig.backups::<4>().await;
    rig.set(last(1)).await;
    let (retention, operations, admin) = (&rig.copy.retention, &rig.copy.operations, &rig.copy.admin);
    let hash = rig.preview().await.plan_hash;
    // The job waits for a free slot while other jobs hold them.
    let blocked = rig.copy.hold_slots().await;
    let submitted = retention.apply(admin, &hash, None).await;
    rig.protect(&protected).await;
    mark_suspicious(&rig, &suspicious).await;
    operations.delete(admin, &gone, ArchiveLoss::Refused).await.unwrap();
    drop(blocked);
    let done = report(ended(submitted).await);
    assert_eq!(done.skipped, [&protected, &suspicious, &gone].map(String::clone));
    assert!(done.deleted.is_empty() && done.failed.is_empty(), "{done:?}");
    assert_eq!(rig.archives().await, [newest, suspicious, protected]);

    // The policy was changed before the job began.
    rig.set(RetentionPolicy {
        safety_days: 1,
        ..last(1)
    })
    .await;
    let [_, _] = rig.backups::<2>().await;
    let plan = rig.preview().await;
    let blocked = rig.copy.hold_slots().await;
    let submitted = retention.apply(admin, &plan.plan_hash, None).await;
    retention.remove(admin).await.unwrap();
    drop(blocked);
    let done = report(ended(submitted).await);
    assert!(
        done.deleted.is_empty() && done.skipped.len() == plan.delete.len(),
        "{done:?}"
    );
}

/// A retention job on an S3 server, and another copy of the service on the same archives.
struct S3Rig {
    s3: S3,
    rig: Rig,
    other: ScheduleCopy,
}

impl S3Rig {
    async fn on(engine: Engine) -> Self {
        let s3 = S3::start().await;
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        clock.set(Utc::now() + TimeDelta::hours(1));
        let copy = async || ScheduleCopy::with(&school.scratch, &clock, s3.settings(), HealthSettings::default()).await;
        Self {
            other: copy().await,
            rig: Rig {
                copy: copy().await,
                school,
                clock,
            },
            s3,
        }
    }
}

#[on_every_engine(nightly)]
async fn job_lists_the_store_once(engine: Engine) {
    let S3Rig { s3, rig, .. } = S3Rig::on(engine).await;
    let _all = rig.backups::<8>().await;
    rig.set(last(1)).await;
    let plan = rig.preview().await;
    let before = s3.listings();
    let applied = rig.copy.retention.apply(&rig.copy.admin, &plan.plan_hash, None).await;
    assert_eq!(report(ended(applied).await).deleted.len(), 7);
    // For the plan of the request, and for the job.
    assert_eq!(s3.listings() - before, 2);
}

/// An administrator deletes the newest good archive and the newest verified one by hand while the job runs. The next ones stay in their
/// places, although they were due for deletion.
#[on_every_engine(nightly)]
async fn newest_archives_stay_if_newer_ones_are_deleted_meanwhile(engine: Engine) {
    let S3Rig { s3, rig, other } = S3Rig::on(engine).await;
    let [oldest, verified_before, old, verified, good, newest] = rig.backups::<6>().await;
    rig.verify(&verified_before).await;
    rig.verify(&verified).await;
    rig.set(last(1)).await;
    assert_eq!(rig.preview().await.delete.len(), 4);
    let (operations, admin) = (other.operations.clone(), other.admin.clone());
    s3.after_the_next_deletion(async move {
        for id in [newest, verified] {
            operations.delete(&admin, &id, ArchiveLoss::Accepted).await.unwrap();
        }
    });
    let done = rig.apply().await;
    assert_eq!(done.deleted, [oldest, old]);
    assert_eq!(done.skipped, [&verified_before, &good].map(String::clone));
    assert_eq!(rig.archives().await, [good, verified_before]);
}

/// A verification finds the newest verified archive damaged while the job runs. The verified one before it stays.
#[on_every_engine(nightly)]
async fn verified_archive_stays_if_a_newer_one_is_found_damaged_meanwhile(engine: Engine) {
    let S3Rig { s3, rig, other } = S3Rig::on(engine).await;
    let [oldest, verified_before, verified, newest] = rig.backups::<4>().await;
    rig.verify(&verified_before).await;
    rig.verify(&verified).await;
    rig.set(last(1)).await;
    assert_eq!(deleted(&rig.preview().await), [&verified_before, &oldest]);
    let object = s3.folder().join(&verified).join("archive.json.zst");
    let (operations, admin, id) = (other.operations.clone(), other.admin.clone(), verified.clone());
    s3.after_the_next_deletion(async move {
        let mut bytes = std::fs::read(&object).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&object, bytes).unwrap();
        ended(operations.verify(&admin, &id, VerificationLevel::Digest, None).await).await;
    });
    let done = rig.apply().await;
    assert_eq!(
        (done.deleted, done.skipped),
        (vec![oldest], vec![verified_before.clone()])
    );
    assert_eq!(rig.archives().await, [newest, verified, verified_before]);
}

/// A suspicious backup is created while the job runs. From then on nothing is deleted.
#[on_every_engine(nightly)]
async fn job_is_held_by_a_suspicious_backup_that_is_created_meanwhile(engine: Engine) {
    let S3Rig { s3, rig, other } = S3Rig::on(engine).await;
    for id in 1001..=1040 {
        let student = format!("insert into students (id, full_name, registration_number) values ({id}, 'x', 'n{id}')");
        rig.school.scratch.execute(&student).await;
    }
    let [oldest, old, newest] = rig.backups::<3>().await;
    rig.set(last(1)).await;
    rig.school.scratch.execute("delete from students where id > 1001").await;
    let (operations, admin) = (other.operations.clone(), other.admin.clone());
    s3.after_the_next_deletion(async move {
        let created = operations.create_backup(&admin, Annotations::default(), None).await;
        assert_eq!(ended(created).await.state, JobState::Succeeded);
    });
    let done = rig.apply().await;
    assert_eq!((done.deleted, done.skipped), (vec![oldest], vec![old.clone()]));
    assert_eq!(rig.archives().await[1..], [newest, old]);
    assert_eq!(rig.held().await, Some(HoldCode::LatestBackupSuspicious));
}

/// The list of the last backups can't be read while a new one is created. The backup succeeds, and is marked.
#[on_every_engine(nightly)]
async fn backup_that_can_not_be_compared_is_marked(engine: Engine) {
    let S3Rig { s3, rig, .. } = S3Rig::on(engine).await;
    let [first] = rig.backups::<1>().await;
    s3.fail(S3Fault::RefusesListings);
    let [marked] = rig.backups::<1>().await;
    s3.recover();
    let (operations, admin) = (&rig.copy.operations, &rig.copy.admin);
    let suspicion = operations.show(admin, &marked).await.unwrap().suspicion.unwrap();
    assert!(
        matches!(&suspicion.findings[..], [SuspicionFinding::NotCompared(_)]),
        "{suspicion:?}"
    );
    assert!(operations.show(admin, &first).await.unwrap().suspicion.is_none());
    rig.set(last(1)).await;
    assert_eq!(rig.held().await, Some(HoldCode::LatestBackupSuspicious));
    operations.accept(admin, &marked).await.unwrap();
    assert_eq!(rig.held().await, None);
}

/// Copies of the service are killed while they apply a policy. The newest and the newest verified archive are always there.
#[on_every_engine]
async fn killed_application_is_continued_by_the_next_one(engine: Engine) {
    let mut rig = Rig::on(engine).await;
    let [verified] = rig.backups::<1>().await;
    rig.verify(&verified).await;
    let old = rig.backups::<8>().await;
    let [newest] = rig.backups::<1>().await;
    rig.set(last(1)).await;
    let mut kills = 0;
    loop {
        let plan = rig.preview().await;
        assert!(!deleted(&plan).contains(&newest.as_str()) && !deleted(&plan).contains(&verified.as_str()));
        if plan.delete.is_empty() {
            break;
        }
        let left = rig.archives().await.len();
        let applied = rig
            .copy
            .retention
            .apply(&rig.copy.admin, &plan.plan_hash, None)
            .await
            .unwrap();
        let job_id = applied.job().id.clone();
        until("an archive is deleted", WAIT_LIMIT, async || {
            rig.archives().await.len() < left
        })
        .await;
        // The old copy ends here, as after kill -9.
        rig.copy = ScheduleCopy::on(&rig.school.scratch, &rig.clock).await;
        kills += 1;
        until("the job of the killed copy has ended", WAIT_LIMIT, async || {
            rig.copy.jobs.get(&job_id).await.unwrap().state.has_ended()
        })
        .await;
        let there = rig.archives().await;
        assert!(there.contains(&newest) && there.contains(&verified), "{there:?}");
    }
    assert!(kills >= 1 && old.len() == 8);
    assert_eq!(rig.archives().await, [newest, verified]);
}
