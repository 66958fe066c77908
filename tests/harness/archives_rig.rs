//! Archives over HTTP.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{Answer, Client, Engine, School, Service, WAIT_LIMIT, small_school, until};

pub const ARCHIVES: &str = "/backup/archives";

/// Secret keys of the tests, made with age-keygen and used nowhere else.
pub const ARCHIVE_KEY: &str = "AGE-SECRET-KEY-1YLFNVQ8DN2JRK68XPU9HJSZCLAZLNNFSQ98509G70AL9GZDF2ECQFAU0FW\n";
pub const OTHER_ARCHIVE_KEY: &str = "AGE-SECRET-KEY-1JJWJT2WXRFJMT7K0RTLX45CJSU3DVYMP9X4P7LG2L6ALWQG4UM9SQJ7J35\n";

/// The small school, the service on it, and its administrator.
pub struct ArchivesPlace {
    pub school: School,
    pub service: Service,
    pub admin: Client,
}

impl ArchivesPlace {
    pub async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let service = Service::on(&school.scratch).await;
        let admin = service.admin().await;
        Self { school, service, admin }
    }

    /// The folder with all archives.
    pub fn store(&self) -> PathBuf {
        store(&self.service)
    }

    /// The stored bytes of an archive that is compressed and not encrypted.
    pub fn object(&self, id: &str) -> PathBuf {
        self.store().join(id).join("archive.json.zst")
    }
}

pub fn store(service: &Service) -> PathBuf {
    service.folder().join("data/archives")
}

/// The path `/backup/archives/{id}` with a suffix.
pub fn of(id: &str, rest: &str) -> String {
    format!("{ARCHIVES}/{id}{rest}")
}

impl Client {
    /// The finished job of an accepted request.
    pub async fn job(&self, accepted: Answer) -> Value {
        let location = accepted.header("location").to_owned();
        let job = accepted.expect(202).json();
        assert_eq!(location, format!("/backup/jobs/{}", job["id"].as_str().unwrap()));
        self.ended(&location).await
    }

    /// The finished job at this path.
    pub async fn ended(&self, location: &str) -> Value {
        let mut job = Value::Null;
        until("a job ends", WAIT_LIMIT, async || {
            job = self.get(location).await.expect(200).json();
            !matches!(job["state"].as_str(), Some("queued" | "running" | "cancelling"))
        })
        .await;
        job
    }

    /// The result of a job that must succeed.
    pub async fn done(&self, accepted: Answer) -> Value {
        let job = self.job(accepted).await;
        assert_eq!(job["state"], "succeeded", "{job}");
        job["result"].clone()
    }

    /// Creates an archive and returns its id.
    pub async fn create_backup(&self) -> String {
        let taken = self.done(self.post(ARCHIVES, &json!({})).await).await;
        taken["archive_id"].as_str().unwrap().to_owned()
    }

    /// All archives that are listed, the newest first.
    pub async fn archives(&self) -> Vec<Value> {
        let listed = self.get(&format!("{ARCHIVES}?limit=1000")).await.expect(200).json();
        assert_eq!(listed["unreadable"], json!([]));
        listed["items"].as_array().unwrap().clone()
    }

    /// The digests of the current rows of all tables.
    pub async fn digests(&self) -> Value {
        let all = self.get("/backup/download/all").await.expect(200).json();
        all["summary"]["sha256"].clone()
    }

    /// The plan of a restore.
    pub async fn plan(&self, id: &str, body: &Value) -> Value {
        self.post(&of(id, "/restore-plan"), body).await.expect(200).json()
    }

    /// Restores by a current plan, with every confirmation that the plan demands.
    pub async fn restore(&self, id: &str, body: &Value) -> Answer {
        let plan = self.plan(id, body).await;
        assert_eq!(plan["blockers"], json!([]), "{plan}");
        let mut body = body.clone();
        body["confirm_administrators"] = json!(true);
        body["plan_hash"] = plan["hash"].clone();
        body["confirm"] = json!("restore");
        self.post(&of(id, "/restore"), &body).await
    }
}
