//! Archives that are encrypted to public keys alone: every use of their content needs the identity of the caller, which is stored
//! nowhere.

use reqwest::Method;
use serde_json::{Value, json};

use campus_backup_archive::Keys;
use harness::archives_rig::{ARCHIVE_KEY, ARCHIVES, OTHER_ARCHIVE_KEY, of};
use harness::service::Setup;
use harness::{Answer, Client, Engine, School, Service, on_every_engine, small_school};

/// A part of the secret key that nothing else has.
const SECRET: &str = "YLFNVQ8DN2JRK68XPU9HJSZCLAZLNNFSQ98509G70AL9GZDF2ECQFAU0FW";

const ORIGIN: &str = "https://school.example";

fn recipient(key: &str) -> String {
    Keys::parse(key).unwrap().recipients().to_string().trim().to_owned()
}

struct Place {
    school: School,
    service: Service,
    admin: Client,
}

impl Place {
    /// A service that encrypts to a public key and has no secret one.
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let service = Setup::on(&school.scratch)
            .set("CAMPUS_BACKUP_ARCHIVE_RECIPIENTS", recipient(ARCHIVE_KEY))
            .set("CAMPUS_BACKUP_CORS_ORIGINS", ORIGIN)
            .set("CAMPUS_BACKUP_LOG", "debug")
            .start()
            .await;
        let admin = service.admin().await;
        Self { school, service, admin }
    }

    /// A request with an identity in its header.
    async fn with_header(&self, method: Method, path: &str, identity: Option<&str>) -> Answer {
        let request = self.admin.request(method, path);
        Answer::of(match identity {
            Some(identity) => request.header("X-Archive-Identity", identity.trim()),
            None => request,
        })
        .await
    }

    /// A JSON body with an identity in it.
    async fn with_body(&self, path: &str, mut body: Value, identity: Option<&str>) -> Answer {
        if let Some(identity) = identity {
            body["identity"] = identity.into();
        }
        self.admin.post(path, &body).await
    }
}

#[on_every_engine]
async fn content_needs_the_identity_of_the_caller(engine: Engine) {
    let place = Place::on(engine).await;
    let admin = &place.admin;
    let before = admin.digests().await;
    let id = admin.create_backup().await;
    let keys = admin.get("/backup/keys").await.expect(200).json();
    let fingerprint = keys["recipients"][0]["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint.len(), 39, "{keys}");
    assert_eq!(
        keys,
        json!({"mode": "recipients", "recipients": [{"recipient": recipient(ARCHIVE_KEY), "fingerprint": fingerprint}]})
    );

    let diff = format!("/backup/diff?from={id}&to=live");
    let table = of(&id, "/download/students");
    for (identity, code) in [
        (None, "archive_key_required"),
        (Some(OTHER_ARCHIVE_KEY), "archive_wrong_key"),
    ] {
        for (path, body) in [
            (of(&id, "/verify"), json!({"level": "digest"})),
            (of(&id, "/restore-plan"), json!({"mode": "replace"})),
            (
                of(&id, "/restore"),
                json!({"mode": "replace", "plan_hash": "0".repeat(64), "confirm": "restore"}),
            ),
        ] {
            let problem = place.with_body(&path, body, identity).await.problem(422, code);
            assert!(
                problem["hint"].as_str().unwrap().contains("X-Archive-Identity"),
                "{problem}"
            );
        }
        for path in [&diff, &table] {
            place.with_header(Method::GET, path, identity).await.problem(422, code);
        }
    }
    let jobs = admin.get("/backup/jobs").await.expect(200).json();
    assert_eq!(jobs["total"], 1, "a refused request leaves no job: {jobs}");

    // With it everything works.
    let verified = place
        .with_body(&of(&id, "/verify"), json!({"level": "test_restore"}), Some(ARCHIVE_KEY))
        .await;
    admin.done(verified).await;
    let compared = place.with_header(Method::GET, &diff, Some(ARCHIVE_KEY)).await;
    assert_eq!(compared.expect(200).json()["is_same"], true);
    let csv = place
        .with_header(Method::GET, &table, Some(ARCHIVE_KEY))
        .await
        .expect(200);
    assert_eq!(csv.text(), format!("\u{feff}{}", School::csv("students")));
    let both = format!("{},{}", OTHER_ARCHIVE_KEY.trim(), ARCHIVE_KEY.trim());
    place.with_header(Method::GET, &table, Some(&both)).await.expect(200);
    place.school.scratch.execute("delete from attendance").await;
    let plan = place
        .with_body(&of(&id, "/restore-plan"), json!({"mode": "replace"}), Some(ARCHIVE_KEY))
        .await;
    let hash = plan.expect(200).json()["hash"].clone();
    let body = json!({"mode": "replace", "plan_hash": hash, "confirm": "restore"});
    admin
        .done(place.with_body(&of(&id, "/restore"), body, Some(ARCHIVE_KEY)).await)
        .await;
    assert_eq!(admin.digests().await, before);

    // The file can be downloaded and uploaded. To be checked it must be opened.
    let file = admin.get(&of(&id, "/file")).await.expect(200).body;
    let upload = format!("{ARCHIVES}/upload");
    let kind = "application/octet-stream";
    admin
        .post_raw(&upload, kind, file.clone())
        .await
        .problem(422, "archive_key_required");
    let request = admin
        .request(Method::POST, &upload)
        .header("X-Archive-Identity", ARCHIVE_KEY.trim());
    let uploaded = Answer::of(request.header("Content-Type", kind).body(file)).await;
    uploaded.expect(201);

    // A link can't carry a key, but the file needs none.
    let links = "/backup/download-links";
    let refused = admin.post(links, &json!({"path": table})).await;
    refused.problem(422, "archive_key_required");
    let refused = admin.post(links, &json!({"path": format!("{diff}&format=csv")})).await;
    refused.problem(422, "archive_key_required");
    admin.post(links, &json!({"path": of(&id, "/file")})).await.expect(201);
    admin
        .post(links, &json!({"path": "/backup/download/students"}))
        .await
        .expect(201);

    assert_secret_is_nowhere(&place).await;
}

#[on_every_engine]
async fn undo_needs_the_identity_and_the_clear_says_so(engine: Engine) {
    let place = Place::on(engine).await;
    let admin = &place.admin;
    let before = admin.digests().await;
    let preview = admin
        .clear(&json!({"table": "attendance", "dry_run": true}))
        .await
        .expect(200)
        .json();
    assert_eq!(preview["undo_needs_identity"], true, "{preview}");
    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    assert_eq!(cleared["undo_needs_identity"], true, "{cleared}");
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    for (identity, code) in [
        (None, "archive_key_required"),
        (Some(OTHER_ARCHIVE_KEY), "archive_wrong_key"),
    ] {
        place
            .with_header(Method::POST, &undo, identity)
            .await
            .problem(422, code);
    }
    let undone = place
        .with_header(Method::POST, &undo, Some(ARCHIVE_KEY))
        .await
        .expect(200)
        .json();
    assert_eq!(undone["restored"], cleared["removed"]);
    assert_eq!(admin.digests().await, before);
    assert_secret_is_nowhere(&place).await;
}

#[on_every_engine]
async fn undo_of_an_import_needs_the_identity_and_the_plan_says_so(engine: Engine) {
    let place = Place::on(engine).await;
    let admin = &place.admin;
    let before = admin.digests().await;
    let file = "Full Name,Registration Number\r\nBea Brown,R-7\r\n";
    let plan = admin.plan_import("students", "mode=replace", file).await;
    assert_eq!(plan["undo_needs_identity"], true, "{plan}");
    let job = admin.job(admin.apply_import(&plan).await).await;
    let undo = format!("/backup/changes/{}/undo", job["id"].as_str().unwrap());
    for (identity, code) in [
        (None, "archive_key_required"),
        (Some(OTHER_ARCHIVE_KEY), "archive_wrong_key"),
    ] {
        place
            .with_header(Method::POST, &undo, identity)
            .await
            .problem(422, code);
    }
    let undone = place
        .with_header(Method::POST, &undo, Some(ARCHIVE_KEY))
        .await
        .expect(200)
        .json();
    assert_eq!(undone["archive_id"], job["result"]["safety_archive_id"], "{undone}");
    assert_eq!(admin.digests().await, before);
    assert_secret_is_nowhere(&place).await;
}

/// The identity is in no answer, no log, no file and no row.
async fn assert_secret_is_nowhere(place: &Place) {
    for path in [
        "/backup/jobs?limit=1000",
        "/backup/changes?limit=1000",
        ARCHIVES,
        "/metrics",
    ] {
        let text = place.admin.get(path).await.text();
        assert!(!text.contains(SECRET), "{path}");
    }
    assert!(!place.service.logs().contains(SECRET), "it was logged");
    for table in [
        "backup_jobs",
        "backup_changes",
        "backup_archives",
        "backup_download_links",
    ] {
        let rows = place.school.scratch.rows(&format!("select * from {table}")).await;
        assert!(!format!("{rows:?}").contains(SECRET), "{table}");
    }
    let mut folders = vec![place.service.folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                let has = bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
                assert!(!has, "{}", path.display());
            }
        }
    }
}

#[on_every_engine]
async fn invalid_identity_is_named_and_never_repeated(engine: Engine) {
    let place = Place::on(engine).await;
    let id = place.admin.create_backup().await;
    for identity in ["secret-of-mine", "", "age1notasecret-of-mine"] {
        let plan = place
            .with_body(&of(&id, "/restore-plan"), json!({"mode": "replace"}), Some(identity))
            .await;
        let problem = plan.problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], "identity", "{problem}");
        assert!(!problem.to_string().contains("secret-of-mine"), "{problem}");
    }
    let table = of(&id, "/download/students");
    let problem = place
        .with_header(Method::GET, &table, Some("secret-of-mine"))
        .await
        .problem(422, "invalid_field");
    assert_eq!(problem["errors"][0]["field"], "X-Archive-Identity", "{problem}");
    assert!(!problem.to_string().contains("secret-of-mine"), "{problem}");
    // Pages of other origins may send it.
    let preflight = place
        .service
        .anonymous()
        .request(Method::OPTIONS, &table)
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization,x-archive-identity");
    let allowed = Answer::of(preflight).await.expect(200);
    let allowed = allowed.header("access-control-allow-headers").to_lowercase();
    assert!(allowed.contains("x-archive-identity"), "{allowed}");
}

#[on_every_engine]
async fn wrong_public_keys_end_the_start(engine: Engine) {
    let school = small_school(engine).await;
    let good = recipient(ARCHIVE_KEY);
    for (given, says) in [
        (
            format!("{good},age1nonsense"),
            "`age1nonsense` is not a public key of age",
        ),
        (format!("{good}, nonsense"), "`nonsense` is not a public key of age"),
        (ARCHIVE_KEY.trim().to_owned(), "it has a secret key"),
        (format!("{good},#"), "`#` is not a public key of age"),
    ] {
        let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_ARCHIVE_RECIPIENTS", &given);
        let refused = setup.argument("--listen").argument("127.0.0.1:0").run().await;
        refused.assert_plain_fault(2);
        assert!(refused.stderr.contains(says), "{refused:?}");
        assert!(
            refused.stderr.contains("CAMPUS_BACKUP_ARCHIVE_RECIPIENTS"),
            "{refused:?}"
        );
        assert!(!refused.stderr.contains(SECRET), "{refused:?}");
    }
}
