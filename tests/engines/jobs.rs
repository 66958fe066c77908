//! Jobs of two copies of the service on one database.

use std::time::Duration;

use campus_backup_domain::Error;
use campus_backup_domain::entity::{job, lease};
use campus_backup_domain::job::{Context, JobFilter, JobKind, JobState, Lock, Phase, SubmissionOrigin};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ConnectionTrait as _, EntityTrait as _, Statement};
use serde_json::json;
use tokio::sync::oneshot;

use harness::copy::{Copy, HeartbeatMode, backup, cleared, finish_on, idle, keyed, submission};
use harness::{Engine, Scratch, WAIT_LIMIT, on_every_engine, small_school, until};

/// The id of the job that a refusal names.
fn holder<T>(refused: Result<T, Error>) -> String {
    match refused {
        Err(Error::Busy { job_id }) => job_id,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was accepted"),
    }
}

/// The time at which the lease expires.
async fn lease_ends_at(scratch: &Scratch) -> DateTime<Utc> {
    let lease = lease::Entity::find().one(scratch.connection()).await.unwrap();
    lease.unwrap().expires_at.unwrap()
}

/// The time by the clock of the database, which leases use.
async fn now(scratch: &Scratch) -> DateTime<Utc> {
    let sql = match scratch.engine() {
        Engine::Sqlite => return Utc::now(),
        Engine::Postgres => "select clock_timestamp()",
        Engine::Mysql => "select utc_timestamp(6)",
    };
    let connection = scratch.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[on_every_engine]
async fn one_job_at_a_time_holds_the_lease_and_others_run(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
    );
    let first = one.idle(Lock::WriterLease).await.unwrap();
    assert_eq!(first.submitted.job().state, JobState::Running);
    assert_eq!(holder(two.idle(Lock::WriterLease).await), first.id);
    assert_eq!(holder(one.idle(Lock::WriterLease).await), first.id);
    let reader = two
        .submit(submission(Lock::None), async |_| Ok(backup(7)))
        .await
        .unwrap();
    let reader = reader.ended().await;
    assert_eq!((reader.state, reader.result), (JobState::Succeeded, Some(backup(7))));
    // The lease outlives its first expiry, because it is renewed.
    let first_end = lease_ends_at(&school.scratch).await;
    until("the lease is renewed after its first time", WAIT_LIMIT, async || {
        lease_ends_at(&school.scratch).await > first_end + HeartbeatMode::ACTIVE.heartbeat_timeout
    })
    .await;
    assert_eq!(holder(two.idle(Lock::WriterLease).await), first.id);

    assert_eq!(
        one.jobs.cancel(&one.admin, &first.id).await.unwrap().state,
        JobState::Cancelling
    );
    assert_eq!(first.ended().await.state, JobState::Cancelled);
    two.idle(Lock::WriterLease).await.unwrap();
}

#[on_every_engine]
async fn one_of_two_simultaneous_jobs_gets_the_lease(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::SILENT).await,
        Copy::on(&school.scratch, HeartbeatMode::SILENT).await,
    );
    for _ in 0..5 {
        let (a, b) = tokio::join!(one.idle(Lock::WriterLease), two.idle(Lock::WriterLease));
        let (winner, copy, refused) = match (a, b) {
            (Ok(job), refused) => (job, &one, refused),
            (refused, Ok(job)) => (job, &two, refused),
            (Err(a), Err(b)) => panic!("{a:?} {b:?}"),
        };
        assert_eq!(holder(refused), winner.id);
        copy.jobs.cancel(&copy.admin, &winner.id).await.unwrap();
        winner.ended().await;
    }
}

#[on_every_engine]
async fn reaped_job_can_not_commit(engine: Engine) {
    let school = small_school(engine).await;
    let before = school.scratch.everything().await;
    let cut_off = Copy::on(&school.scratch, HeartbeatMode::CUT_OFF).await;
    let (go, gone) = oneshot::channel();
    let former = cut_off.change(gone).await.unwrap();
    let other = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let mut next = None;
    until("the lease can be taken over", WAIT_LIMIT, async || {
        next = other.idle(Lock::WriterLease).await.ok();
        next.is_some()
    })
    .await;
    let next = next.unwrap();
    go.send(()).unwrap();
    let former = former.ended().await;
    assert_eq!(former.state, JobState::Interrupted, "{former:?}");
    assert_eq!(school.scratch.everything().await, before);
    assert_eq!(other.reaped(1).await, [former.id], "to clean up what it left");
    // The end of this job does not release the lease, because it now belongs to another job.
    assert_eq!(holder(other.idle(Lock::WriterLease).await), next.id);
}

#[on_every_engine]
async fn lease_of_a_clock_that_ran_ahead_is_taken_over(engine: Engine) {
    let school = small_school(engine).await;
    let cut_off = Copy::on(&school.scratch, HeartbeatMode::CUT_OFF).await;
    let former = cut_off.idle(Lock::WriterLease).await.unwrap();
    let ahead = now(&school.scratch).await + TimeDelta::hours(3);
    let connection = school.scratch.connection();
    let expires = lease::Entity::update_many().col_expr(lease::Column::ExpiresAt, Expr::value(ahead));
    expires.exec(connection).await.unwrap();
    let heartbeat = job::Entity::update_many().col_expr(job::Column::HeartbeatAt, Expr::value(ahead));
    heartbeat.exec(connection).await.unwrap();

    // Asked by a copy that reaps no job: a slow database could take longer than the heartbeat timeout of the other copy.
    let silent = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    assert_eq!(holder(silent.idle(Lock::WriterLease).await), former.id);
    let other = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    other.jobs.start().await.unwrap();
    let mut next = None;
    until("the lease can be taken over", WAIT_LIMIT, async || {
        next = other.idle(Lock::WriterLease).await.ok();
        next.is_some()
    })
    .await;
}

#[on_every_engine]
async fn effect_and_end_of_a_job_are_one_commit(engine: Engine) {
    let school = small_school(engine).await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let rows = school.scratch.count("attendance").await;
    let (go, gone) = oneshot::channel();
    let job = copy.change(gone).await.unwrap();
    go.send(()).unwrap();
    let job = job.ended().await;
    assert_eq!((job.state, job.phase), (JobState::Succeeded, Phase::Committing));
    assert_eq!(job.result, Some(cleared(rows.cast_unsigned())));
    assert_eq!(school.scratch.count("attendance").await, 0);
    assert!(matches!(
        copy.jobs.cancel(&copy.admin, &job.id).await,
        Err(Error::NotCancellable)
    ));
    copy.idle(Lock::WriterLease).await.unwrap();
}

/// On SQLite no client can write during the transaction, on the other engines all clients can; the outcome is the same.
#[on_every_engine]
async fn long_transaction_keeps_the_lease(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
    );
    let database = one.database.clone();
    let (go, gone) = oneshot::channel::<()>();
    let (begun, has_begun) = oneshot::channel();
    let job = one.submit(submission(Lock::WriterLease), async move |context: Context| {
        let transaction = database.begin_write("testing").await?;
        transaction
            .execute_unprepared("delete from attendance")
            .await
            .map_err(Error::database("testing"))?;
        transaction
            .execute_unprepared("select count(*) from students")
            .await
            .map_err(Error::database("testing"))?;
        begun.send(()).unwrap();
        let _ = gone.await;
        finish_on(&context, &transaction, &cleared(0)).await?;
        transaction.commit().await.map_err(Error::database("testing"))?;
        Ok(cleared(0))
    });
    let job = job.await.unwrap();
    has_begun.await.unwrap();
    let first_end = lease_ends_at(&school.scratch).await;
    until("the first time of the lease is over", WAIT_LIMIT, async || {
        now(&school.scratch).await > first_end
    })
    .await;
    assert_eq!(holder(two.idle(Lock::WriterLease).await), job.id);
    go.send(()).unwrap();
    assert_eq!(job.ended().await.state, JobState::Succeeded);
    assert_eq!(school.scratch.count("attendance").await, 0);
    assert!(two.interrupted_ids().is_empty());
}

#[on_every_engine]
async fn restarted_process_reaps_its_own_jobs(engine: Engine) {
    let school = small_school(engine).await;
    let folder = tempfile::tempdir().unwrap();
    let runner = || campus_backup_domain::job::Runner::for_data_dir(folder.path()).unwrap();
    let first = Copy::with(&school.scratch, HeartbeatMode::SILENT, runner()).await;
    let lease = first.idle(Lock::WriterLease).await.unwrap().id;
    let plain = first.idle(Lock::None).await.unwrap().id;
    // While it runs, another process on the same folder reaps nothing.
    let beside = Copy::with(&school.scratch, HeartbeatMode::SILENT, runner()).await;
    assert_eq!(beside.jobs.get(&plain).await.unwrap().state, JobState::Running);
    drop((first, beside));

    let mut next = None;
    until("its lock falls and its jobs are interrupted", WAIT_LIMIT, async || {
        let copy = Copy::with(&school.scratch, HeartbeatMode::SILENT, runner()).await;
        let done = copy.jobs.get(&plain).await.unwrap().state == JobState::Interrupted;
        next = Some(copy);
        done
    })
    .await;
    let next = next.unwrap();
    let told = next.reaped(2).await;
    let mut expected = vec![lease, plain];
    expected.sort();
    assert_eq!(told, expected);
    for id in expected {
        let job = next.jobs.get(&id).await.unwrap();
        assert_eq!(job.fault.unwrap().code, "interrupted");
        assert!(job.ended_at.is_some());
    }
    next.idle(Lock::WriterLease).await.unwrap();
}

#[on_every_engine]
async fn panic_fails_the_job(engine: Engine) {
    let school = small_school(engine).await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let panics = copy
        .submit(submission(Lock::WriterLease), async |_| panic!("as it should"))
        .await
        .unwrap();
    let job = panics.ended().await;
    assert_eq!(
        (job.state, job.fault.unwrap().code),
        (JobState::Failed, "internal".to_owned())
    );
    let fails = copy
        .submit(submission(Lock::WriterLease), async |_| Err(Error::Gone))
        .await
        .unwrap();
    let job = fails.ended().await;
    assert_eq!(
        (job.state, job.fault.unwrap().code),
        (JobState::Failed, "gone".to_owned())
    );
    assert_eq!(job.result, None);
    copy.idle(Lock::WriterLease).await.unwrap();
}

#[on_every_engine]
async fn any_copy_can_cancel_a_job(engine: Engine) {
    let school = small_school(engine).await;
    let mode = HeartbeatMode {
        max_concurrent: 1,
        ..HeartbeatMode::ACTIVE
    };
    let (one, two) = (
        Copy::on(&school.scratch, mode).await,
        Copy::on(&school.scratch, mode).await,
    );
    for id in ["", "1", "\0", "01890000-0000-7000-8000-000000000000"] {
        assert!(
            matches!(one.jobs.cancel(&one.admin, id).await, Err(Error::UnknownJob)),
            "{id:?}"
        );
    }
    let (running, queued) = (one.idle(Lock::None).await.unwrap(), one.idle(Lock::None).await.unwrap());
    assert_eq!(queued.submitted.job().state, JobState::Queued);
    assert_eq!(two.jobs.get(&queued.id).await.unwrap().state, JobState::Queued);
    let asked = two.jobs.cancel(&two.admin, &queued.id).await.unwrap();
    assert_eq!(asked.state, JobState::Cancelling);
    let queued = queued.ended().await;
    assert_eq!((queued.state, queued.started_at), (JobState::Cancelled, None));
    two.jobs.cancel(&two.admin, &running.id).await.unwrap();
    let id = running.id.clone();
    assert_eq!(running.ended().await.state, JobState::Cancelled);
    for copy in [&one, &two] {
        assert!(matches!(
            copy.jobs.cancel(&copy.admin, &id).await,
            Err(Error::NotCancellable)
        ));
    }
}

/// A cancellation by another copy holds, even if the runner has not seen it yet.
#[on_every_engine]
async fn job_cancelled_by_another_copy_does_not_commit(engine: Engine) {
    let school = small_school(engine).await;
    let before = school.scratch.everything().await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::SILENT).await,
        Copy::on(&school.scratch, HeartbeatMode::SILENT).await,
    );
    let (go, gone) = oneshot::channel();
    let job = one.change(gone).await.unwrap();
    assert_eq!(
        two.jobs.cancel(&two.admin, &job.id).await.unwrap().state,
        JobState::Cancelling
    );
    go.send(()).unwrap();
    assert_eq!(job.ended().await.state, JobState::Cancelled);
    assert_eq!(school.scratch.everything().await, before);
    two.idle(Lock::WriterLease).await.unwrap();
}

#[on_every_engine]
async fn repeated_request_runs_once(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
    );
    let body = json!({"table": "students"});
    let first = one.submit(keyed(Lock::WriterLease, "k", &body), idle).await.unwrap();
    assert_eq!(first.submitted.origin(), SubmissionOrigin::New);

    // Another body with the same key, while the job runs.
    let other = two
        .submit(keyed(Lock::WriterLease, "k", &json!({"table": "courses"})), idle)
        .await;
    assert!(matches!(other.map(|_| ()), Err(Error::IdempotencyMismatch)));
    // The same request, while the job runs: no copy starts a second job, and a waiting client gets the end of the first.
    for copy in [&one, &two] {
        let again = copy.submit(keyed(Lock::WriterLease, "k", &body), idle).await.unwrap();
        assert_eq!(
            (again.submitted.origin(), &again.id),
            (SubmissionOrigin::Replayed, &first.id)
        );
    }
    let waiting = two.submit(keyed(Lock::WriterLease, "k", &body), idle).await.unwrap();
    one.jobs.cancel(&one.admin, &first.id).await.unwrap();
    assert_eq!(waiting.ended().await.state, JobState::Cancelled);

    // After a cancellation the request runs again.
    let second = two
        .submit(keyed(Lock::WriterLease, "k", &body), async |_| Err(Error::Gone))
        .await
        .unwrap();
    assert_eq!(second.submitted.origin(), SubmissionOrigin::New);
    assert_ne!(second.id, first.id);
    assert_eq!(second.ended().await.state, JobState::Failed);
    // After a failure, too.
    let third = one
        .submit(keyed(Lock::WriterLease, "k", &body), async |_| Ok(cleared(3)))
        .await
        .unwrap();
    let id = third.id.clone();
    assert_eq!(
        (third.submitted.origin(), third.ended().await.state),
        (SubmissionOrigin::New, JobState::Succeeded)
    );
    // After a success the job stays the answer to this request, and to no other.
    let again = two.submit(keyed(Lock::WriterLease, "k", &body), idle).await.unwrap();
    assert_eq!((again.submitted.origin(), &again.id), (SubmissionOrigin::Replayed, &id));
    assert_eq!(again.ended().await.result, Some(cleared(3)));
    let other = one.submit(keyed(Lock::WriterLease, "k", &json!(null)), idle).await;
    assert!(matches!(other.map(|_| ()), Err(Error::IdempotencyMismatch)));
    assert_eq!(school.scratch.number("select count(*) from backup_jobs").await, 3);
}

#[on_every_engine]
async fn simultaneous_equal_requests_run_once(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::SILENT).await,
        Copy::on(&school.scratch, HeartbeatMode::SILENT).await,
    );
    for (number, lock) in [Lock::None, Lock::WriterLease, Lock::None, Lock::WriterLease]
        .into_iter()
        .enumerate()
    {
        let submission = || keyed(lock, &format!("key-{number}"), &json!(null));
        let (a, b, c) = tokio::join!(
            one.submit(submission(), idle),
            two.submit(submission(), idle),
            two.submit(submission(), idle),
        );
        let jobs = [a, b, c].map(Result::unwrap);
        assert!(jobs.iter().all(|job| job.id == jobs[0].id));
        assert_eq!(
            jobs.iter()
                .filter(|job| job.submitted.origin() == SubmissionOrigin::New)
                .count(),
            1
        );
        let _ = one.jobs.cancel(&one.admin, &jobs[0].id).await;
        let [a, ..] = jobs;
        // A job of a copy without heartbeats must be cancelled in that copy.
        let _ = two.jobs.cancel(&two.admin, &a.id).await;
        assert_eq!(a.ended().await.state, JobState::Cancelled);
    }
}

#[on_every_engine]
async fn other_copies_see_the_progress(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
    );
    let job = one.submit(submission(Lock::None), async |context: Context| {
        let progress = context.progress().clone();
        progress.enter(Phase::BackingUp, Some(1000))?;
        progress.advance(250)?;
        progress.add_bytes(4096);
        idle(context).await
    });
    let job = job.await.unwrap();
    for copy in [&one, &two] {
        until("progress and the time that is left are seen", WAIT_LIMIT, async || {
            let seen = copy.jobs.get(&job.id).await.unwrap();
            (seen.phase, seen.rows_done, seen.rows_total, seen.bytes) == (Phase::BackingUp, 250, Some(1000), 4096)
                && seen.eta_seconds.is_some_and(|eta| eta >= 3)
        })
        .await;
    }
    one.jobs.cancel(&one.admin, &job.id).await.unwrap();
    let ended = job.ended().await;
    assert_eq!((ended.rows_done, ended.eta_seconds), (250, None));
    let listed = two
        .jobs
        .list(
            &two.admin,
            &JobFilter {
                kind: Some(JobKind::Archive),
                state: Some(JobState::Cancelled),
                ..JobFilter::default()
            },
            10,
            0,
        )
        .await;
    assert_eq!(listed.unwrap().items, [ended]);
}

#[on_every_engine]
async fn shutdown_ends_all_jobs(engine: Engine) {
    let school = small_school(engine).await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    let (_go, gone) = oneshot::channel();
    let jobs = [copy.idle(Lock::None).await.unwrap(), copy.change(gone).await.unwrap()];
    let mut watch = copy.jobs.watch(&jobs[0].id, None).await.unwrap();
    watch.next().await.unwrap().unwrap();
    copy.jobs.shutdown();
    assert!(matches!(copy.idle(Lock::None).await.map(|_| ()), Err(Error::Stopping)));
    // The first job stops, the second ignores its cancellation.
    copy.jobs.wait_for_shutdown(Duration::from_secs(1)).await;
    for job in &jobs {
        let state = format!("select state from backup_jobs where id = '{}'", job.id);
        assert_eq!(school.scratch.value(&state).await.unwrap(), "interrupted");
    }
    let next = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    next.idle(Lock::WriterLease).await.unwrap();
}

#[on_every_engine]
async fn old_jobs_are_deleted(engine: Engine) {
    let school = small_school(engine).await;
    let copy = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    let ended = async || {
        copy.submit(submission(Lock::None), async |_| Ok(backup(1)))
            .await
            .unwrap()
            .ended()
            .await
            .id
    };
    let (old, new) = (ended().await, ended().await);
    let past = match engine {
        Engine::Sqlite => "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-91 days')",
        Engine::Postgres => "now() - interval '91 days'",
        Engine::Mysql => "utc_timestamp(6) - interval 91 day",
    };
    school
        .scratch
        .execute(&format!("update backup_jobs set ended_at = {past} where id = '{old}'"))
        .await;
    let next = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    until("the old one is gone", WAIT_LIMIT, async || {
        matches!(next.jobs.get(&old).await, Err(Error::UnknownJob))
    })
    .await;
    assert_eq!(next.jobs.get(&new).await.unwrap().state, JobState::Succeeded);
}
