//! `/backup/destinations`: further places to which archives are copied.

use reqwest::Method;
use serde_json::{Value, json};

use harness::archives_rig::{ArchivesPlace, of};
use harness::client::fields;
use harness::s3::{S3, S3_KEY, S3_SECRET, S3Fault};
use harness::service::Setup;
use harness::{Answer, Client, Engine, WAIT_LIMIT, on_every_engine, small_school, tls, until};

use crate::schedules::make_due;

pub(crate) const DESTINATIONS: &str = "/backup/destinations";

fn of_destination(destination: &Value, rest: &str) -> String {
    format!("{DESTINATIONS}/{}{rest}", destination["id"])
}

async fn create(admin: &Client, body: &Value) -> Value {
    let created = admin.post(DESTINATIONS, body).await.expect(201);
    let location = created.header("location").to_owned();
    let created = created.json();
    assert_eq!(location, of_destination(&created, ""));
    created
}

async fn test(admin: &Client, path: &str) -> Value {
    Answer::of(admin.request(Method::POST, path)).await.expect(200).json()
}

/// The destination, when its copies are in these states.
async fn counted(admin: &Client, destination: &Value, copies: &Value) -> Value {
    let mut shown = Value::Null;
    until("the archives were copied", WAIT_LIMIT, async || {
        shown = admin.get(&of_destination(destination, "")).await.expect(200).json();
        shown["copies"] == *copies
    })
    .await;
    shown
}

fn copies(copied: u64) -> Value {
    json!({"copied": copied, "pending": 0, "failed": 0, "deleting": 0, "retained": 0})
}

#[on_every_engine(nightly)]
async fn impossible_destinations_are_refused(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let folder = setup.folder().join("destinations");
    std::fs::create_dir(&folder).unwrap();
    let service = setup
        .set("CAMPUS_BACKUP_DESTINATION_FOLDERS", folder.display())
        .start()
        .await;
    let admin = &service.admin().await;
    let file = |path: &str| json!({"name": "x", "url": format!("file:{}/{path}", folder.display())});
    let existing = create(
        admin,
        &json!({"name": "nas", "url": file("nas")["url"], "enabled": false}),
    )
    .await;
    assert!(folder.join("nas").is_dir());
    let s3 = |field: &str, value: Value| {
        let mut body = json!({
            "name": "x", "url": "s3://school/backups", "endpoint": "https://10.255.255.1", "access_key_id": "key",
            "secret_access_key": "secret",
        });
        body[field] = value;
        body
    };
    let archives = service.folder().join("data/archives");
    std::os::unix::fs::symlink(&archives, folder.join("link")).unwrap();
    for (body, named) in [
        (json!({"url": "s3://school/backups"}), "name"),
        (json!({"name": "x"}), "url"),
        (
            json!({"name": "x", "url": format!("file:{}", archives.display())}),
            "url",
        ),
        (json!({"name": "x", "url": "file:/etc/campus"}), "url"),
        (json!({"name": "x", "url": "backups"}), "url"),
        (json!({"name": "x", "url": "https://school.example/backups"}), "url"),
        (file("../outside"), "url"),
        (file("link"), "url"),
        (file("nas"), "url"),
        (file("nas/inside"), "url"),
        (s3("name", json!("")), "name"),
        (s3("url", json!("s3://key:secret@school/backups")), "url"),
        (s3("url", json!("gs://school/backups")), "endpoint"),
        (s3("endpoint", json!("10.255.255.1")), "endpoint"),
        (s3("endpoint", json!("http://127.0.0.1:9")), "endpoint"),
        (s3("endpoint", json!("http://localhost:9")), "endpoint"),
        (s3("endpoint", json!("http://[::1]:9")), "endpoint"),
        (s3("endpoint", json!("http://169.254.169.254")), "endpoint"),
        (s3("region", json!("a b")), "region"),
        (s3("access_key_id", Value::Null), "access_key_id"),
        (s3("secret_access_key", Value::Null), "secret_access_key"),
        (s3("secret_access_key", json!("secret\n")), "secret_access_key"),
        (s3("copies", json!(1)), "copies"),
    ] {
        let path = format!("{DESTINATIONS}/test");
        for path in [DESTINATIONS, &path] {
            let refused = admin.post(path, &body).await.problem(422, "invalid_field");
            assert_eq!(fields(&refused), [named], "{body}");
        }
    }
    admin
        .post(DESTINATIONS, &s3("name", json!("nas")))
        .await
        .problem(409, "destination_name_taken");
    for body in [
        json!({"url": "file:/etc/campus"}),
        json!({"endpoint": "https://10.255.255.1"}),
        json!({"secret_access_key": "secret"}),
        json!({"copies": 1}),
    ] {
        admin
            .patch(&of_destination(&existing, ""), &body)
            .await
            .problem(422, "invalid_field");
    }
    for id in ["0", "4711", "x", "99999999999999999999"] {
        let path = format!("{DESTINATIONS}/{id}");
        admin.get(&path).await.problem(404, "unknown_destination");
        admin.patch(&path, &json!({})).await.problem(404, "unknown_destination");
        admin.delete(&path).await.problem(404, "unknown_destination");
        let tried = Answer::of(admin.request(Method::POST, &format!("{path}/test"))).await;
        tried.problem(404, "unknown_destination");
    }
    let listed = admin.get(DESTINATIONS).await.expect(200).json();
    assert_eq!(
        listed,
        json!({"items": [existing], "total": 1, "limit": 20, "offset": 0})
    );
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing was created");
}

/// Over TLS, by the running service, within seconds.
#[on_every_engine]
async fn destination_is_tried_created_filled_edited_and_deleted(engine: Engine) {
    let school = small_school(engine).await;
    let s3 = S3::with_tls().await;
    let setup = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
        .set("SSL_CERT_FILE", tls::authority().display());
    let service = setup.start().await;
    let admin = service.admin().await;
    let archive = admin.create_backup().await;
    let body = json!({
        "name": "off-site", "url": S3::url("copies"), "endpoint": s3.endpoint_of("localhost"), "region": "us-east-1",
        "access_key_id": S3_KEY, "secret_access_key": S3_SECRET,
    });
    let path = format!("{DESTINATIONS}/test");
    let mut wrong = body.clone();
    wrong["secret_access_key"] = json!("wrong");
    let tried = admin.post(&path, &wrong).await.expect(200).json();
    assert_eq!(
        (&tried["works"], &tried["detail"]),
        (
            &json!(false),
            &json!("The destination does not accept the credentials. Enter them again.")
        )
    );
    let tried = admin.post(&path, &body).await.expect(200).json();
    assert_eq!(
        (&tried["works"], &tried["can_delete"]),
        (&json!(true), &json!(true)),
        "{tried}"
    );
    assert_eq!(
        admin.get(DESTINATIONS).await.expect(200).json()["total"],
        0,
        "nothing is saved"
    );

    let keyed = async |key: &str, body: &Value| {
        let request = admin.request(Method::POST, DESTINATIONS).header("Idempotency-Key", key);
        Answer::of(request.json(body)).await
    };
    let created = keyed("k", &body).await.expect(201).json();
    assert_eq!(keyed("k", &body).await.expect(201).json()["id"], created["id"]);
    keyed("k", &wrong).await.problem(422, "idempotency_key_reused");
    assert_eq!(
        (&created["has_secret"], &created["deletes"]),
        (&json!(true), &json!(true))
    );

    let shown = counted(&admin, &created, &copies(1)).await;
    assert!(shown["last_copied_at"].is_string());
    assert_eq!(s3.folder_of("copies").join(&archive).read_dir().unwrap().count(), 2);
    for archive in [
        admin.get(&of(&archive, "")).await.expect(200).json(),
        admin.archives().await.remove(0),
    ] {
        let copy = &archive["copies"][0];
        assert_eq!(
            (&copy["destination_id"], &copy["name"], &copy["state"], &copy["error"]),
            (&created["id"], &json!("off-site"), &json!("copied"), &Value::Null)
        );
        assert!(copy["copied_at"].is_string() && archive["retained"].is_null());
    }
    // The next backup is copied without a request.
    let next = admin.create_backup().await;
    counted(&admin, &created, &copies(2)).await;
    admin.delete(&of(&archive, "?force=true")).await.expect(204);

    let tried = test(&admin, &of_destination(&created, "/test")).await;
    assert_eq!(tried["works"], true, "{tried}");
    let edited = json!({"name": "vault", "deletes": false, "enabled": false});
    let edited = admin
        .patch(&of_destination(&created, ""), &edited)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &edited["name"],
            &edited["deletes"],
            &edited["enabled"],
            &edited["has_secret"]
        ),
        (&json!("vault"), &json!(false), &json!(false), &json!(true))
    );
    // Without a body, the secret of the connection is shown nowhere.
    let stored = school.scratch.rows("select * from backup_destinations").await;
    assert!(!format!("{stored:?}").contains(S3_SECRET), "{stored:?}");
    assert!(!service.logs().contains(S3_SECRET));
    for shown in [&created, &shown, &edited, &tried] {
        assert!(!shown.to_string().contains(S3_SECRET), "{shown}");
    }
    admin.delete(&of_destination(&created, "")).await.expect(204);
    admin
        .get(&of_destination(&created, ""))
        .await
        .problem(404, "unknown_destination");
    assert_eq!(admin.get(&of(&next, "")).await.expect(200).json()["copies"], json!([]));
    assert!(s3.folder_of("copies").join(&next).exists(), "the copies stay there");
}

/// The disk with the first store and the database is lost: `--archives` names the destination.
#[on_every_engine(nightly)]
async fn destination_is_a_store_to_restore_from(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let folder = setup.folder().join("destinations");
    std::fs::create_dir(&folder).unwrap();
    let setup = setup.set("CAMPUS_BACKUP_DESTINATION_FOLDERS", folder.display());
    let service = setup.start().await;
    let admin = service.admin().await;
    let before = admin.digests().await;
    let archive = admin.create_backup().await;
    let nas = format!("file:{}", folder.join("nas").display());
    let created = create(&admin, &json!({"name": "nas", "url": nas})).await;
    counted(&admin, &created, &copies(1)).await;
    drop(service);
    std::fs::remove_dir_all(setup.folder().join("data/archives")).unwrap();
    let setup = setup.set("CAMPUS_BACKUP_ARCHIVES", &nas);
    let verified = setup
        .again()
        .arguments(&["verify", &archive, "--test-restore"])
        .run()
        .await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let service = setup.start().await;
    let admin = service.admin().await;
    admin.clear(&json!({"table": "all"})).await.expect(200);
    admin
        .done(admin.restore(&archive, &json!({"mode": "replace"})).await)
        .await;
    assert_eq!(admin.digests().await, before);
    // It is the first store now, so nothing is copied to it, and nothing in it is deleted.
    until("the destination fails", WAIT_LIMIT, async || {
        let shown = admin.get(&of_destination(&created, "")).await.expect(200).json();
        shown["last_error"]
            .as_str()
            .is_some_and(|error| error.contains("the first store"))
    })
    .await;
    assert_eq!(admin.archives().await.len(), 3);
}

/// Retention reports each archive that an immutable first store keeps, and continues with the others.
#[on_every_engine]
async fn retention_reports_what_an_immutable_store_keeps(engine: Engine) {
    let school = small_school(engine).await;
    let s3 = S3::start().await;
    let service = s3.configure(Setup::on(&school.scratch)).start().await;
    let admin = service.admin().await;
    let [first, second, last] = [
        admin.create_backup().await,
        admin.create_backup().await,
        admin.create_backup().await,
    ];
    let set = Answer::of(
        admin
            .request(Method::PUT, "/backup/retention")
            .json(&json!({"keep_last": 1})),
    )
    .await;
    set.expect(200);
    let preview = async || {
        admin
            .post("/backup/retention/preview", &json!({}))
            .await
            .expect(200)
            .json()
    };
    let apply = async || {
        let hash = preview().await["plan_hash"].clone();
        let accepted = admin.post("/backup/retention/apply", &json!({"plan_hash": hash})).await;
        admin.done(accepted).await
    };
    s3.fail(S3Fault::RefusesDeletions);
    let done = apply().await;
    let failed: Vec<_> = done["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| (failure["archive_id"].clone(), failure["code"].clone()))
        .collect();
    let code = json!("archive_retained");
    assert_eq!(failed, [(json!(first), code.clone()), (json!(second), code)]);
    assert_eq!((&done["deleted"], &done["freed_bytes"]), (&json!([]), &json!(0)));
    admin.delete(&of(&first, "")).await.problem(409, "archive_retained");
    let shown = admin.get(&of(&first, "")).await.expect(200).json();
    assert!(shown["retained"]["since"].is_string(), "{shown}");
    let plan = preview().await;
    assert_eq!(plan["delete"].as_array().unwrap().len(), 2);
    assert!(plan["delete"][0]["retained_since"].is_string(), "{plan}");
    let mut health = Value::Null;
    until("the health shows it", WAIT_LIMIT, async || {
        health = admin.get("/backup/health").await.json();
        health["store"]["retained"] == 2
    })
    .await;
    // The archives are whole.
    admin.get(&of(&first, "/file")).await.expect(200);
    assert_eq!(admin.archives().await.len(), 3);

    s3.recover();
    let done = apply().await;
    assert_eq!(
        (&done["deleted"], &done["failed"]),
        (&json!([first, second]), &json!([]))
    );
    let left = admin.archives().await;
    assert_eq!((left.len(), &left[0]["id"]), (1, &json!(last)));
}

/// An address that became local after it was saved gets no request, and no copy hides that.
#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_is_not_allowed_any_more_gets_no_request() {
    let school = small_school(Engine::Sqlite).await;
    let s3 = S3::start().await;
    let setup = Setup::on(&school.scratch);
    let allowed = setup
        .again()
        .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
        .start()
        .await;
    let body = json!({
        "name": "off-site", "url": S3::url("copies"), "endpoint": s3.endpoint(), "access_key_id": S3_KEY,
        "secret_access_key": S3_SECRET,
    });
    let created = create(&allowed.admin().await, &body).await;
    drop(allowed);
    let service = setup.start().await;
    let admin = service.admin().await;
    let before = s3.requests();
    admin.create_backup().await;
    let mut shown = Value::Null;
    until("the destination fails", WAIT_LIMIT, async || {
        shown = admin.get(&of_destination(&created, "")).await.expect(200).json();
        shown["failing_since"].is_string()
    })
    .await;
    assert!(
        shown["last_error"].as_str().unwrap().contains("--allow-local-targets"),
        "{shown}"
    );
    let tried = test(&admin, &of_destination(&created, "/test")).await;
    assert_eq!((&tried["works"], s3.requests()), (&json!(false), before));
}

/// The first store under another name would be a copy of itself.
#[tokio::test(flavor = "multi_thread")]
async fn first_store_under_another_name_is_found_by_the_test() {
    let school = small_school(Engine::Sqlite).await;
    let s3 = S3::start().await;
    let service = s3
        .configure(Setup::on(&school.scratch))
        .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
        .start()
        .await;
    let admin = service.admin().await;
    let with = |endpoint: String| {
        json!({
            "name": "off-site", "url": S3::url("archives"), "endpoint": endpoint, "access_key_id": S3_KEY,
            "secret_access_key": S3_SECRET,
        })
    };
    let path = format!("{DESTINATIONS}/test");
    let refused = admin
        .post(&path, &with(s3.endpoint()))
        .await
        .problem(422, "invalid_field");
    assert_eq!(fields(&refused), ["url"]);
    let tried = admin
        .post(&path, &with(s3.endpoint_of("localhost")))
        .await
        .expect(200)
        .json();
    assert_eq!(tried["works"], false, "{tried}");
    assert!(
        tried["detail"].as_str().unwrap().contains("under another name"),
        "{tried}"
    );
    let saved = admin.post(DESTINATIONS, &with(s3.endpoint_of("localhost"))).await;
    assert_eq!(fields(&saved.problem(422, "invalid_field")), ["url"]);
    // Two names of one destination, too: one of them might delete what the other is to keep.
    let copies = |name: &str, endpoint: String| {
        let mut body = with(endpoint);
        (body["name"], body["url"]) = (json!(name), json!(S3::url("copies")));
        body
    };
    create(&admin, &copies("one", s3.endpoint())).await;
    let saved = admin
        .post(DESTINATIONS, &copies("other", s3.endpoint_of("localhost")))
        .await;
    let problem = saved.problem(422, "invalid_field");
    assert_eq!(fields(&problem), ["url"]);
    assert_eq!(admin.get(DESTINATIONS).await.expect(200).json()["total"], 1);
}

/// A backup has no part in what its destination does.
#[on_every_engine(nightly)]
async fn hanging_destination_delays_no_backup(engine: Engine) {
    let school = small_school(engine).await;
    let s3 = S3::start().await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
        .start()
        .await;
    let admin = service.admin().await;
    let body = json!({
        "name": "off-site", "url": S3::url("copies"), "endpoint": s3.endpoint(), "access_key_id": S3_KEY,
        "secret_access_key": S3_SECRET,
    });
    create(&admin, &body).await;
    s3.fail(S3Fault::NeverAnswers);
    let before = s3.requests();
    admin.create_backup().await;
    until("the destination is asked", WAIT_LIMIT, async || s3.requests() > before).await;
    // Schedules are the work of the same task that begins to copy.
    let body = json!({"name": "often", "cron": "* * * * *"});
    let schedule = admin.post("/backup/schedules", &body).await.expect(201).json();
    make_due(&school.scratch).await;
    until("the run has succeeded", WAIT_LIMIT * 2, async || {
        let shown = admin.get(&format!("/backup/schedules/{}", schedule["id"])).await;
        shown.expect(200).json()["last_run"]["state"] == "succeeded"
    })
    .await;
    let place = admin.archives().await;
    assert!(place.len() >= 2);
    assert!(place.iter().all(|archive| archive["copies"][0]["state"] != "copied"));
}

/// A service without destinations answers an empty list for each archive.
#[tokio::test(flavor = "multi_thread")]
async fn archives_without_destinations_have_no_copies() {
    let place = ArchivesPlace::on(Engine::Sqlite).await;
    let id = place.admin.create_backup().await;
    let shown = place.admin.get(&of(&id, "")).await.expect(200).json();
    assert_eq!((&shown["copies"], &shown["retained"]), (&json!([]), &Value::Null));
}
