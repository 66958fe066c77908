//! Each operation that succeeds leaves exactly one event, with its name and the result `succeeded`.

use reqwest::Method;
use serde_json::{Value, json};

use harness::archives_rig::of;
use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, School, WAIT_LIMIT, small_school, until};

const ARCHIVES: &str = "/backup/archives";

/// Calls operations, and compares the new events after each.
struct Walk<'w> {
    school: &'w School,
    admin: &'w Client,
}

impl Walk<'_> {
    /// The one event of an operation, and its answer.
    async fn event_of(&self, event: &str, method: Method, path: &str, body: Value) -> (Value, Value) {
        let scratch = &self.school.scratch;
        let last = scratch.number("select last_id from backup_audit_head").await;
        let request = self.admin.request(method.clone(), path);
        let answer = Answer::of(match method {
            Method::GET => request,
            _ => request.json(&body),
        })
        .await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        let active = "select count(*) from backup_jobs where state in ('queued', 'running', 'cancelling')";
        until("all jobs have ended", WAIT_LIMIT, async || {
            scratch.number(active).await == 0
        })
        .await;
        let page = self.admin.get("/backup/audit?limit=5").await.expect(200).json();
        let new: Vec<_> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["id"].as_i64().unwrap() > last)
            .collect();
        assert_eq!(new.len(), 1, "{method} {path}: {new:?}");
        assert_eq!(
            (&new[0]["event"], &new[0]["result"]),
            (&json!(event), &json!("succeeded"))
        );
        assert_eq!(new[0]["username"], "admin");
        (new[0].clone(), serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    async fn post(&self, event: &str, path: &str, body: Value) -> (Value, Value) {
        self.event_of(event, Method::POST, path, body).await
    }

    async fn get(&self, event: &str, path: &str) {
        self.event_of(event, Method::GET, path, Value::Null).await;
    }

    /// Creates, edits and deletes an object.
    async fn life(&self, name: &str, path: &str, body: Value, patch: Value) {
        let (event, created) = self.post(&format!("{name}_creation"), path, body).await;
        assert_eq!(event["details"]["name"], created["name"], "{event}");
        let path = format!("{path}/{}", created["id"]);
        let changed = format!("{name}_change");
        let (event, _) = self.event_of(&changed, Method::PATCH, &path, patch.clone()).await;
        let fields: Vec<_> = patch.as_object().unwrap().keys().collect();
        assert_eq!(event["details"]["changed"], json!(fields), "{event}");
        let deleted = format!("{name}_deletion");
        let (event, _) = self.event_of(&deleted, Method::DELETE, &path, json!({})).await;
        assert!(event["details"]["name"].is_string(), "{event}");
    }

    async fn archives(&self) {
        let (created, _) = self.post("backup", ARCHIVES, json!({})).await;
        let id = created["subject"].as_str().unwrap();
        let digest = &created["details"]["sha256"];
        assert_eq!(digest.as_str().unwrap().len(), 64, "{created}");
        let (verified, _) = self
            .post("verification", &of(id, "/verify"), json!({"level": "digest"}))
            .await;
        assert_eq!(&verified["details"]["sha256"], digest, "{verified}");
        let (_, plan) = self
            .post("restore_plan", &of(id, "/restore-plan"), json!({"mode": "replace"}))
            .await;
        let restore = json!({
            "mode": "replace", "plan_hash": plan["hash"], "confirm": "restore", "confirm_administrators": true,
        });
        let (restored, _) = self.post("restore", &of(id, "/restore"), restore).await;
        assert_eq!(&restored["details"]["sha256"], digest, "{restored}");
        assert!(restored["details"]["safety_archive_id"].is_string(), "{restored}");

        let (cleared, answer) = self
            .post("clear", "/backup/clear", json!({"table": "attendance"}))
            .await;
        let safety = &cleared["details"]["sha256"];
        assert!(safety.is_string() && safety != digest, "{cleared}");
        let undo = format!("/backup/clear/{}/undo", answer["id"].as_str().unwrap());
        let (undone, _) = self.post("undo", &undo, json!({})).await;
        assert_eq!(&undone["details"]["sha256"], safety, "{undone}");

        self.get("archive_download", &of(id, "/file")).await;
        self.get("certificate", &of(id, "/certificate")).await;
        self.get("download", &of(id, "/download/students")).await;
        let label = json!({"label": "a"});
        let (edited, _) = self.event_of("archive_change", Method::PATCH, &of(id, ""), label).await;
        assert_eq!(edited["details"]["changed"], json!(["label"]), "{edited}");
        let newest = self.post("backup", ARCHIVES, json!({})).await.0;
        assert_ne!(newest["subject"], created["subject"]);
        // It is not the newest backup any more, but the newest verified one.
        let forced = of(id, "?force=true");
        let (deleted, _) = self
            .event_of("archive_deletion", Method::DELETE, &forced, json!({}))
            .await;
        assert_eq!(deleted["subject"], created["subject"], "{deleted}");
    }

    async fn retention(&self) {
        // Another one, so that the policy deletes the one before.
        self.post("backup", ARCHIVES, json!({})).await;
        let policy = json!({"keep_last": 1});
        self.event_of("retention_change", Method::PUT, "/backup/retention", policy)
            .await;
        let (_, plan) = self
            .post("retention_preview", "/backup/retention/preview", json!({}))
            .await;
        let apply = json!({"plan_hash": plan["plan_hash"]});
        self.post("retention_application", "/backup/retention/apply", apply)
            .await;
        self.event_of("retention_removal", Method::DELETE, "/backup/retention", json!({}))
            .await;
    }

    async fn accounts(&self) {
        let token = json!({"name": "script", "scopes": ["read"]});
        let (_, token) = self.post("token_creation", "/auth/tokens", token).await;
        let token = format!("/auth/tokens/{}", token["id"]);
        self.event_of("token_revocation", Method::DELETE, &token, json!({}))
            .await;
        let account = json!({"username": "another", "role": "teacher"});
        let (_, account) = self.post("account_creation", "/accounts", account).await;
        let account = format!("/accounts/{}", account["account"]["id"]);
        let patch = json!({"is_active": false});
        self.event_of("account_change", Method::PATCH, &account, patch).await;
        self.event_of("account_deletion", Method::DELETE, &account, json!({}))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operation_that_succeeds_leaves_exactly_one_event() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let folder = setup.folder().join("destinations");
    std::fs::create_dir(&folder).unwrap();
    let service = setup
        .set("CAMPUS_BACKUP_DESTINATION_FOLDERS", folder.display())
        .start()
        .await;
    let admin = service.admin().await;
    let walk = Walk {
        school: &school,
        admin: &admin,
    };
    walk.archives().await;
    walk.retention().await;
    let link = json!({"path": "/backup/download/students"});
    walk.post("link_created", "/backup/download-links", link).await;
    walk.get("download", "/backup/download/students").await;
    let schedule = json!({"name": "nightly", "preset": "daily", "enabled": false});
    walk.life("schedule", "/backup/schedules", schedule, json!({"label": "a"}))
        .await;
    // A private address, which nothing is sent to.
    let notification = json!({"name": "chat", "kind": "webhook", "url": "https://10.255.255.1/hook", "enabled": false});
    walk.life(
        "notification",
        "/backup/notifications",
        notification,
        json!({"name": "b"}),
    )
    .await;
    let url = format!("file:{}/nas", folder.display());
    let destination = json!({"name": "nas", "url": url, "enabled": false});
    walk.life("destination", "/backup/destinations", destination, json!({"name": "b"}))
        .await;
    walk.accounts().await;
    let report = admin.get("/backup/audit/verify").await.expect(200).json();
    assert_eq!(report["ok"], true, "{report}");
}

/// A client that repeats a refused request, or a sign-out, does not fill the audit.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_refusals_and_sign_outs_leave_one_event() {
    let school = small_school(Engine::Sqlite).await;
    let service = harness::Service::on(&school.scratch).await;
    let teacher = service.login("teacher", ADMIN_PASSWORD).await;
    for _ in 0..3 {
        teacher.get("/backup/stats").await.expect(403);
    }
    let count = async |event: &str| {
        let sql = format!("select count(*) from backup_audit_events where event = '{event}'");
        school.scratch.number(&sql).await
    };
    assert_eq!(count("access_refused").await, 1);
    for _ in 0..3 {
        teacher.delete("/auth/session").await.expect(204);
    }
    assert_eq!(count("sign_out").await, 1);
}
