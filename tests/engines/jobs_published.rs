//! Jobs that publish an archive: how one ends whose process is gone depends on what the store has.

use std::sync::{Arc, Mutex};

use campus_backup_domain::Error;
use campus_backup_domain::job::{JobState, Needs, Published, Runner};
use serde_json::json;
use tokio::sync::oneshot;

use harness::copy::{Copy, Manner, Store, idle, keyed, submission};
use harness::{Engine, PATIENCE, Scratch, on_every_engine, small_school, until};

fn store(archives: Option<Published>) -> Arc<Mutex<Store>> {
    Arc::new(Mutex::new(Store { archives, asked: 0 }))
}

/// Makes the jobs look as if their process had died long ago.
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
async fn dead_job_that_has_published_has_succeeded(engine: Engine) {
    let school = small_school(engine).await;
    let dead = Copy::on(&school.scratch, Manner::SILENT).await;
    let (with, without) = (
        dead.idle(Needs::Nothing).await.unwrap().id,
        dead.idle(Needs::Nothing).await.unwrap().id,
    );
    // Not one that changes data, whatever the store says: its effect is in the database.
    let clear = dead.idle(Needs::WriterLease).await.unwrap().id;
    drop(dead);
    expire(&school.scratch, engine).await;
    let archive = json!({"archive_id": "2026-11-25T03-53-08Z-5f1c2a9b"});
    let store = store(Some(
        [(with.clone(), archive.clone()), (clear.clone(), json!(null))].into(),
    ));
    let next = Copy::beside(&school.scratch, Manner::LIVELY, Runner::passing(), store).await;
    until("the dead jobs have ended", PATIENCE, async || {
        let mut ended = true;
        for id in [&with, &without, &clear] {
            ended &= next.jobs.get(id).await.unwrap().state.has_ended();
        }
        ended
    })
    .await;
    let job = next.jobs.get(&with).await.unwrap();
    assert_eq!(
        (job.state, job.result, job.fault),
        (JobState::Succeeded, Some(archive), None)
    );
    for id in [&without, &clear] {
        let job = next.jobs.get(id).await.unwrap();
        assert_eq!(
            (job.state, job.fault.unwrap().code),
            (JobState::Interrupted, "interrupted".to_owned())
        );
    }
    let told = next.interrupted_ids();
    assert!(
        !told.contains(&with) && told.contains(&without) && told.contains(&clear),
        "{told:?}"
    );
}

#[on_every_engine]
async fn outcome_stays_open_while_the_store_cannot_be_asked(engine: Engine) {
    let school = small_school(engine).await;
    let dead = Copy::on(&school.scratch, Manner::SILENT).await;
    let id = dead
        .submit(keyed(Needs::Nothing, "k", &json!(1)), idle)
        .await
        .unwrap()
        .id;
    drop(dead);
    expire(&school.scratch, engine).await;

    let store = store(None);
    let next = Copy::beside(&school.scratch, Manner::LIVELY, Runner::passing(), store.clone()).await;
    until("the store was asked again", PATIENCE, async || {
        store.lock().unwrap().asked >= 2
    })
    .await;
    assert_eq!(next.jobs.get(&id).await.unwrap().state, JobState::Running);
    // The same request is not done a second time.
    let again = next.submit(keyed(Needs::Nothing, "k", &json!(1)), idle).await.unwrap();
    assert_eq!(again.id, id);

    store.lock().unwrap().archives = Some([(id.clone(), json!({"archive_id": "a"}))].into());
    until("the store has said what became of it", PATIENCE, async || {
        next.jobs.get(&id).await.unwrap().state == JobState::Succeeded
    })
    .await;
}

/// A process that was only paused publishes its archive after others have taken it for dead.
#[on_every_engine]
async fn paused_job_that_publishes_late_has_succeeded(engine: Engine) {
    let school = small_school(engine).await;
    let paused = Copy::on(&school.scratch, Manner::SILENT).await;
    let (go, gone) = oneshot::channel::<()>();
    let job = paused
        .submit(submission(Needs::Nothing), async move |context| {
            context.progress().commit()?;
            let _ = gone.await;
            Ok::<_, Error>(json!({"archive_id": "a"}))
        })
        .await
        .unwrap();
    expire(&school.scratch, engine).await;
    let other = Copy::on(&school.scratch, Manner::LIVELY).await;
    until("it is taken for dead", PATIENCE, async || {
        other.jobs.get(&job.id).await.unwrap().state == JobState::Interrupted
    })
    .await;
    go.send(()).unwrap();
    let ended = job.ended().await;
    assert_eq!(
        (ended.state, ended.result, ended.fault),
        (JobState::Succeeded, Some(json!({"archive_id": "a"})), None)
    );
}

/// A store may take longer to list an archive than others wait for a sign of life.
#[on_every_engine]
async fn publishing_job_goes_on_giving_signs_of_life(engine: Engine) {
    let school = small_school(engine).await;
    let (one, two) = (
        Copy::on(&school.scratch, Manner::LIVELY).await,
        Copy::on(&school.scratch, Manner::LIVELY).await,
    );
    let (go, gone) = oneshot::channel::<()>();
    let job = one
        .submit(submission(Needs::Nothing), async move |context| {
            context.progress().commit()?;
            let _ = gone.await;
            Ok::<_, Error>(json!(1))
        })
        .await
        .unwrap();
    let begun = two.jobs.get(&job.id).await.unwrap().heartbeat_at;
    until("it has outlived its time", PATIENCE, async || {
        two.jobs.get(&job.id).await.unwrap().heartbeat_at > begun + Manner::LIVELY.patience * 2
    })
    .await;
    assert!(two.interrupted_ids().is_empty());
    go.send(()).unwrap();
    assert_eq!(job.ended().await.state, JobState::Succeeded);
}
