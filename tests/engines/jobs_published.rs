//! Jobs that publish an archive: after the end of their process, the store decides how they end.

use std::sync::{Arc, Mutex};

use campus_backup_domain::Error;
use campus_backup_domain::job::{JobResult, JobState, Lock, Published, Runner};
use serde_json::json;
use tokio::sync::oneshot;

use harness::copy::{Copy, HeartbeatMode, Store, archive, backup, idle, keyed, submission};
use harness::{Engine, Scratch, WAIT_LIMIT, on_every_engine, small_school, until};

fn store(archives: Option<Published>) -> Arc<Mutex<Store>> {
    Arc::new(Mutex::new(Store { archives, asked: 0 }))
}

/// Sets the heartbeats back, as if the process had ended long ago.
async fn expire(scratch: &Scratch, engine: Engine) {
    let past = match engine {
        Engine::Sqlite => "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-1 days')",
        Engine::Postgres => "now() - interval '1 day'",
        Engine::Mysql => "utc_timestamp(6) - interval 1 day",
    };
    let expire = format!("update backup_jobs set heartbeat_at = {past} where state = 'running'");
    scratch.execute(&expire).await;
}

#[on_every_engine]
async fn reaped_job_that_has_published_has_succeeded(engine: Engine) {
    let school = small_school(engine).await;
    let killed = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    let (with, without) = (
        killed.idle(Lock::None).await.unwrap().id,
        killed.idle(Lock::None).await.unwrap().id,
    );
    // A job that changes data is interrupted, even if the store has an archive: its effect is in the database.
    let clear = killed.idle(Lock::WriterLease).await.unwrap().id;
    drop(killed);
    expire(&school.scratch, engine).await;
    let store = store(Some([(with.clone(), archive(7)), (clear.clone(), archive(8))].into()));
    let next = Copy::beside(&school.scratch, HeartbeatMode::ACTIVE, Runner::ephemeral(), store).await;
    until("the jobs have been reaped", WAIT_LIMIT, async || {
        let mut ended = true;
        for id in [&with, &without, &clear] {
            ended &= next.jobs.get(id).await.unwrap().state.has_ended();
        }
        ended
    })
    .await;
    let job = next.jobs.get(&with).await.unwrap();
    assert_eq!(
        (job.state, job.rows_done, job.result, job.fault),
        (JobState::Succeeded, 7, Some(JobResult::Archive(archive(7))), None)
    );
    for id in [&without, &clear] {
        let job = next.jobs.get(id).await.unwrap();
        assert_eq!(
            (job.state, job.fault.unwrap().code),
            (JobState::Interrupted, "interrupted".to_owned())
        );
    }
    assert_eq!(next.reaped(2).await, [without, clear]);
}

#[on_every_engine]
async fn job_stays_active_while_the_store_does_not_answer(engine: Engine) {
    let school = small_school(engine).await;
    let killed = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    let id = killed.submit(keyed(Lock::None, "k", &json!(1)), idle).await.unwrap().id;
    drop(killed);
    expire(&school.scratch, engine).await;

    let store = store(None);
    let next = Copy::beside(
        &school.scratch,
        HeartbeatMode::ACTIVE,
        Runner::ephemeral(),
        store.clone(),
    )
    .await;
    until("the store was asked again", WAIT_LIMIT, async || {
        store.lock().unwrap().asked >= 2
    })
    .await;
    assert_eq!(next.jobs.get(&id).await.unwrap().state, JobState::Running);
    // The same request does not run a second time.
    let again = next.submit(keyed(Lock::None, "k", &json!(1)), idle).await.unwrap();
    assert_eq!(again.id, id);

    store.lock().unwrap().archives = Some([(id.clone(), archive(1))].into());
    until("the store has named the archive of the job", WAIT_LIMIT, async || {
        next.jobs.get(&id).await.unwrap().state == JobState::Succeeded
    })
    .await;
}

/// A paused process publishes its archive after another copy has reaped its job.
#[on_every_engine]
async fn paused_job_that_publishes_late_has_succeeded(engine: Engine) {
    let school = small_school(engine).await;
    let paused = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    let (go, gone) = oneshot::channel::<()>();
    let job = paused
        .submit(submission(Lock::None), async move |context| {
            context.progress().commit()?;
            let _ = gone.await;
            Ok::<_, Error>(backup(1))
        })
        .await
        .unwrap();
    expire(&school.scratch, engine).await;
    let other = Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await;
    until("it is reaped", WAIT_LIMIT, async || {
        other.jobs.get(&job.id).await.unwrap().state == JobState::Interrupted
    })
    .await;
    go.send(()).unwrap();
    let ended = job.ended().await;
    assert_eq!(
        (ended.state, ended.result, ended.fault),
        (JobState::Succeeded, Some(backup(1)), None)
    );
}

/// A store may take longer to list an archive than the heartbeat timeout.
#[on_every_engine]
async fn publishing_job_keeps_writing_heartbeats(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
        Copy::on(&school.scratch, HeartbeatMode::ACTIVE).await,
    );
    let (go, gone) = oneshot::channel::<()>();
    let job = one
        .submit(submission(Lock::None), async move |context| {
            context.progress().commit()?;
            let _ = gone.await;
            Ok::<_, Error>(backup(1))
        })
        .await
        .unwrap();
    let begun = two.jobs.get(&job.id).await.unwrap().heartbeat_at;
    until("the heartbeat timeout has passed twice", WAIT_LIMIT, async || {
        two.jobs.get(&job.id).await.unwrap().heartbeat_at > begun + HeartbeatMode::ACTIVE.heartbeat_timeout * 2
    })
    .await;
    assert!(two.interrupted_ids().is_empty());
    go.send(()).unwrap();
    assert_eq!(job.ended().await.state, JobState::Succeeded);
}
