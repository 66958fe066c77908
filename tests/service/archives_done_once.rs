//! A request that creates or uploads an archive is done once, also if the service is killed between the manifest and the end
//! of the job.

use reqwest::Method;
use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVES, store};
use harness::service::Setup;
use harness::{Answer, Client, Engine, School, Service, on_every_engine, small_school};

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

/// The only job of this kind.
async fn job(admin: &Client, kind: &str) -> Value {
    let jobs = admin.get(&format!("/backup/jobs?kind={kind}")).await.expect(200).json();
    assert_eq!(jobs["total"], 1, "{jobs}");
    jobs["items"][0].clone()
}

/// A service that has completed both requests.
struct CompletedRequests {
    school: School,
    setup: Setup,
    service: Service,
    /// The uploaded file.
    bytes: Vec<u8>,
    created: Value,
    uploaded: Value,
    archives: Vec<Value>,
}

impl CompletedRequests {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch);
        let service = setup.start().await;
        let admin = service.admin().await;
        let bytes = admin.get("/backup/download/all").await.expect(200).body;
        let created = admin.done(create(&admin).await).await;
        let uploaded = upload(&admin, &bytes).await.expect(201).json();
        let archives = admin.archives().await;
        Self {
            school,
            setup,
            service,
            bytes: bytes.into(),
            created,
            uploaded,
            archives,
        }
    }

    /// Kills the service and starts it again. Before the start, the records are changed as if the kill had come before
    /// the end of the jobs: there are archives with a manifest, and unfinished jobs.
    async fn killed_before_the_end(self, state: &str) -> Self {
        let runner = std::fs::read_to_string(self.service.folder().join("data/runner")).unwrap();
        // Dropping the service kills it.
        drop(self.service);
        let reset = format!(
            "update backup_jobs set state = '{state}', ended_at = null, result = null, runner = '{}'",
            runner.trim()
        );
        self.school.scratch.execute(&reset).await;
        Self {
            service: self.setup.start().await,
            ..self
        }
    }

    async fn ensure_done_once(&self, admin: &Client) {
        assert_eq!(admin.done(create(admin).await).await, self.created);
        assert_eq!(upload(admin, &self.bytes).await.expect(201).json(), self.uploaded);
        assert_eq!(admin.archives().await, self.archives);
    }
}

#[on_every_engine]
async fn published_archive_makes_its_job_succeeded(engine: Engine) {
    let done = CompletedRequests::on(engine).await;
    let result = job(&done.service.admin().await, "upload").await["result"].clone();
    let done = done.killed_before_the_end("running").await;

    let admin = done.service.admin().await;
    for (kind, expected) in [("archive", &done.created), ("upload", &result)] {
        let job = job(&admin, kind).await;
        assert_eq!(
            (&job["state"], &job["result"], &job["error"]),
            (&json!("succeeded"), expected, &Value::Null),
            "{job}"
        );
    }
    done.ensure_done_once(&admin).await;
    assert!(!done.service.logs().contains("jobs were interrupted"));
}

/// An attacker who can write to the store can write a manifest that names the job.
#[on_every_engine]
async fn manifest_without_signature_makes_no_job_succeeded(engine: Engine) {
    let done = CompletedRequests::on(engine).await;
    for archive in &done.archives {
        let id = archive["id"].as_str().unwrap();
        let manifest = store(&done.service).join(id).join("manifest.json");
        let mut forged: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
        assert!(forged.as_object_mut().unwrap().remove("signature").is_some());
        std::fs::write(&manifest, forged.to_string()).unwrap();
    }
    let done = done.killed_before_the_end("running").await;

    let admin = done.service.admin().await;
    for kind in ["archive", "upload"] {
        let job = job(&admin, kind).await;
        assert_eq!(
            (&job["state"], &job["result"]),
            (&json!("interrupted"), &Value::Null),
            "{job}"
        );
    }
}

/// The situation after a kill of an earlier version, or after a lost response of the store: the job has not succeeded
/// as far as the service knows, but its archive exists.
#[on_every_engine]
async fn repeated_request_finds_the_published_archive(engine: Engine) {
    let done = CompletedRequests::on(engine)
        .await
        .killed_before_the_end("interrupted")
        .await;

    let admin = done.service.admin().await;
    done.ensure_done_once(&admin).await;
    let left = std::fs::read_dir(store(&done.service)).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("20"));
    assert_eq!(left.count(), 2, "the second upload leaves nothing");
    // A request with another key creates another archive.
    let request = admin.request(Method::POST, ARCHIVES).header("Idempotency-Key", "twice");
    let other = admin.done(Answer::of(request.json(&json!({"label": "a"}))).await).await;
    assert_ne!(other["archive_id"], done.created["archive_id"]);
}
