//! A request that creates or uploads an archive is done once, also if the service is killed between the manifest and the end
//! of the job.

use reqwest::Method;
use serde_json::{Value, json};

use harness::archives_rig::ARCHIVES;
use harness::service::Setup;
use harness::{Answer, Client, Engine, Scratch, Service, on_every_engine, small_school};

const UPLOAD: &str = "/backup/archives/upload";

async fn create(admin: &Client) -> Answer {
    let request = admin.request(Method::POST, ARCHIVES).header("Idempotency-Key", "once");
    Answer::of(request.json(&json!({"label": "a"}))).await
}

async fn upload(admin: &Client, bytes: &[u8]) -> Answer {
    let request = admin
        .request(Method::POST, UPLOAD)
        .header("Idempotency-Key", "upload")
        .header("Content-Type", "application/octet-stream");
    Answer::of(request.body(bytes.to_vec())).await
}

/// The only job of that kind.
async fn job(admin: &Client, kind: &str) -> Value {
    let jobs = admin.get(&format!("/backup/jobs?kind={kind}")).await.expect(200).json();
    assert_eq!(jobs["total"], 1, "{jobs}");
    jobs["items"][0].clone()
}

/// Kills the service and makes it look as if that had happened before the end of the job was written: there is an archive with
/// a manifest, and a job without an end.
async fn killed_before_the_end(scratch: &Scratch, service: Service, state: &str) {
    let runner = std::fs::read_to_string(service.folder().join("data/runner")).unwrap();
    // Dropped, it is killed.
    drop(service);
    let reset = format!(
        "update backup_jobs set state = '{state}', ended_at = null, result = null, runner = '{}'",
        runner.trim()
    );
    scratch.execute(&reset).await;
}

#[on_every_engine]
async fn published_archive_makes_its_job_succeeded(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let bytes = admin.get("/backup/download/all").await.expect(200).body;
    let created = admin.done(create(&admin).await).await;
    let uploaded = upload(&admin, &bytes).await.expect(201).json();
    let result = job(&admin, "upload").await["result"].clone();
    let archives = admin.archives().await;
    killed_before_the_end(&school.scratch, service, "running").await;

    let service = setup.start().await;
    let admin = service.admin().await;
    for (kind, expected) in [("archive", &created), ("upload", &result)] {
        let job = job(&admin, kind).await;
        assert_eq!(
            (&job["state"], &job["result"], &job["error"]),
            (&json!("succeeded"), expected, &Value::Null),
            "{job}"
        );
    }
    // The same requests again: the same archives.
    assert_eq!(admin.done(create(&admin).await).await, created);
    assert_eq!(upload(&admin, &bytes).await.expect(201).json(), uploaded);
    assert_eq!(admin.archives().await, archives);
    assert!(!service.logs().contains("jobs were interrupted"));
}

/// As after a kill by an earlier version, or if the answer of the store was lost: the job has not succeeded as far as it is
/// known, and its archive is there.
#[on_every_engine]
async fn repeated_request_finds_what_was_published(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let bytes = admin.get("/backup/download/all").await.expect(200).body;
    let created = admin.done(create(&admin).await).await;
    let uploaded = upload(&admin, &bytes).await.expect(201).json();
    let archives = admin.archives().await;
    killed_before_the_end(&school.scratch, service, "interrupted").await;

    let service = setup.start().await;
    let admin = service.admin().await;
    assert_eq!(admin.done(create(&admin).await).await, created);
    assert_eq!(upload(&admin, &bytes).await.expect(201).json(), uploaded);
    assert_eq!(admin.archives().await, archives);
    let left = std::fs::read_dir(service.folder().join("data/archives")).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("20"));
    assert_eq!(left.count(), 2, "the second upload leaves nothing");
    // Another key means another archive.
    let request = admin.request(Method::POST, ARCHIVES).header("Idempotency-Key", "twice");
    let other = admin.done(Answer::of(request.json(&json!({"label": "a"}))).await).await;
    assert_ne!(other["archive_id"], created["archive_id"]);
}
