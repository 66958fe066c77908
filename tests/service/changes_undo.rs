//! A clear can be undone within its time, independently of the job history.

use serde_json::{Value, json};

use harness::service::Setup;
use harness::{Client, Engine, Scratch, Service, WAIT_LIMIT, on_every_engine, small_school, until};

/// More jobs than the history keeps.
const NEWER_JOBS: usize = 1_001;

fn days_ago(engine: Engine, days: u32) -> String {
    match engine {
        Engine::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-{days} days')"),
        Engine::Postgres => format!("now() - interval '{days} days'"),
        Engine::Mysql => format!("utc_timestamp(6) - interval {days} day"),
    }
}

async fn clear(admin: &Client, table: &str) -> Value {
    admin.clear(&json!({"table": table})).await.expect(200).json()
}

fn job(cleared: &Value) -> String {
    format!("/backup/jobs/{}", cleared["id"].as_str().unwrap())
}

async fn age(scratch: &Scratch, cleared: &Value, days: u32) {
    let ended = days_ago(scratch.engine(), days);
    let id = cleared["id"].as_str().unwrap();
    let age = format!("update backup_jobs set ended_at = {ended} where id = '{id}'");
    scratch.execute(&age).await;
}

/// The job history is pruned at the start of the service. Afterwards the clear can be undone once.
async fn undone_without_its_job(setup: &Setup, cleared: &Value, before: &Value) {
    let service: Service = setup.start().await;
    let admin = service.admin().await;
    until("the job is forgotten", WAIT_LIMIT, async || {
        admin.get(&job(cleared)).await.status == 404
    })
    .await;
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    let undone = admin.post(&undo, &json!({})).await.expect(200).json();
    assert_eq!(undone["restored"], cleared["removed"]);
    assert_eq!(admin.digests().await, *before);
    admin.post(&undo, &json!({})).await.problem(409, "already_undone");
    service.stop().await;
}

#[on_every_engine]
async fn clear_is_undone_after_a_thousand_newer_jobs(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let before = admin.digests().await;
    let cleared = clear(&admin, "attendance").await;
    service.stop().await;
    age(&school.scratch, &cleared, 2).await;
    let now = days_ago(engine, 0);
    let jobs: Vec<_> = (0..NEWER_JOBS)
        .map(|number| {
            format!(
                "('ffffffff-ffff-7fff-8fff-{number:012x}', 'verify', 'succeeded', 'checking', 0, 0, 'admin', {now}, {now}, \
                 {now}, 'r', '{{}}')"
            )
        })
        .collect();
    let insert = format!(
        "insert into backup_jobs (id, kind, state, phase, rows_done, bytes, username, created_at, heartbeat_at, ended_at, \
         runner, parameters) values {}",
        jobs.join(", ")
    );
    school.scratch.execute(&insert).await;
    undone_without_its_job(&setup, &cleared, &before).await;
}

#[on_every_engine]
async fn clear_is_undone_after_its_job_is_pruned_by_age(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_UNDO_WINDOW", 365 * 24 * 60 * 60);
    let service = setup.start().await;
    let admin = service.admin().await;
    let before = admin.digests().await;
    let cleared = clear(&admin, "payments").await;
    service.stop().await;
    age(&school.scratch, &cleared, 91).await;
    undone_without_its_job(&setup, &cleared, &before).await;
}
