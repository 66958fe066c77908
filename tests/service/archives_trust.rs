//! An attacker with write access to the store can't make the service believe anything false.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVE_KEY, ARCHIVES, of, store};
use harness::s3::S3;
use harness::service::Setup;
use harness::{Answer, Client, Engine, School, on_every_engine, small_school, write_private};

/// An id that no archive of the service has.
const COPIED: &str = "2026-01-01T00-00-00Z-00000001";

/// The verifications that the attacker writes.
fn forged_verifications() -> Value {
    json!([{
        "at": "2026-11-28T00:00:00Z", "level": "test_restore", "result": "ok", "seconds": 1.5, "restore_seconds": 0.5,
    }])
}

/// The files of the archives, as an attacker with write access to the store sees them.
struct StoreFiles(PathBuf);

impl StoreFiles {
    fn object(&self, id: &str) -> PathBuf {
        self.0.join(id).join("archive.json.zst")
    }

    fn manifest(&self, id: &str) -> PathBuf {
        self.0.join(id).join("manifest.json")
    }

    fn read_manifest(&self, id: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.manifest(id)).unwrap()).unwrap()
    }

    /// Replaces the object of one archive by that of another, with a matching manifest that claims verifications.
    fn exchange(&self, id: &str, other: &str) {
        std::fs::copy(self.object(other), self.object(id)).unwrap();
        let mut manifest = self.read_manifest(other);
        manifest["id"] = json!(id);
        manifest["verifications"] = forged_verifications();
        std::fs::write(self.manifest(id), manifest.to_string()).unwrap();
    }
}

/// An archive with one administrator more than the school.
async fn archive_with_an_intruder(school: &School, admin: &Client) -> String {
    let scratch = &school.scratch;
    scratch
        .execute("insert into users (username, password_hash, role, is_active) values ('mallory', 'x', 'admin', true)")
        .await;
    let id = admin.create_backup().await;
    scratch.execute("delete from users where username = 'mallory'").await;
    id
}

async fn show(admin: &Client, id: &str) -> Value {
    admin.get(&of(id, "")).await.expect(200).json()
}

async fn verify(admin: &Client, id: &str) -> Value {
    admin
        .job(admin.post(&of(id, "/verify"), &json!({"level": "test_restore"})).await)
        .await
}

async fn undo(admin: &Client, cleared: &Value) -> Answer {
    let id = cleared["id"].as_str().unwrap();
    admin.post(&format!("/backup/clear/{id}/undo"), &json!({})).await
}

/// Only the service can make an archive verified, or replace one.
async fn exchanged_archive_is_refused(school: &School, setup: Setup, files: &StoreFiles) {
    let service = setup.start().await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    assert_eq!(verify(&admin, &id).await["state"], "succeeded");
    let shown = show(&admin, &id).await;
    assert_eq!(
        (&shown["origin"], &shown["verification"]["level"]),
        (&json!("made_here"), &json!("test_restore"))
    );
    let intruder = archive_with_an_intruder(school, &admin).await;
    let before = school.scratch.everything().await;

    files.exchange(&id, &intruder);
    let is_doubted = async || {
        let listed = admin.archives().await;
        let listed = listed.iter().find(|archive| archive["id"] == id).unwrap();
        for shown in [&show(&admin, &id).await, listed] {
            assert_eq!(shown["origin"], "found");
            assert_eq!(
                (&shown["verification"], &shown["verifications"]),
                (&Value::Null, &json!([]))
            );
        }
    };
    is_doubted().await;
    admin
        .patch(&of(&id, ""), &json!({"label": "looks good"}))
        .await
        .expect(200);
    is_doubted().await;
    let plan = admin.post(&of(&id, "/restore-plan"), &json!({"mode": "merge"})).await;
    plan.problem(422, "archive_record_mismatch");
    let restore = json!({"mode": "merge", "plan_hash": "0f", "confirm": "restore"});
    let restore = admin.post(&of(&id, "/restore"), &restore).await;
    restore.problem(422, "archive_record_mismatch");
    let job = verify(&admin, &id).await;
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("failed"), &json!("archive_record_mismatch"))
    );
    let shown = show(&admin, &id).await;
    assert_eq!(shown["verification"]["result"], "failed");
    assert_eq!(shown["verifications"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(school.scratch.everything().await, before);
}

#[on_every_engine]
async fn exchanged_archive_in_a_folder_is_refused(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let files = StoreFiles(setup.folder().join("data/archives"));
    exchanged_archive_is_refused(&school, setup, &files).await;
}

#[on_every_engine(nightly)]
async fn exchanged_archive_in_a_bucket_is_refused(engine: Engine) {
    let school = small_school(engine).await;
    let bucket = S3::start().await;
    let files = StoreFiles(bucket.folder());
    exchanged_archive_is_refused(&school, bucket.configure(Setup::on(&school.scratch)), &files).await;
}

/// The manifest is unchanged. Only the content is that of another archive.
#[on_every_engine(nightly)]
async fn exchanged_object_has_no_plan(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch).start().await;
    let (admin, files) = (service.admin().await, StoreFiles(store(&service)));
    let id = admin.create_backup().await;
    let intruder = archive_with_an_intruder(&school, &admin).await;
    std::fs::copy(files.object(&intruder), files.object(&id)).unwrap();
    let plan = admin.post(&of(&id, "/restore-plan"), &json!({"mode": "merge"})).await;
    plan.problem(422, "archive_record_mismatch");
}

async fn swapped_safety_archive_is_not_undone(school: &School, setup: Setup, files: &StoreFiles) {
    let service = setup.start().await;
    let admin = service.admin().await;
    let intruder = archive_with_an_intruder(school, &admin).await;
    let digests = admin.digests().await;
    let cleared = admin.clear(&json!({"table": "payments"})).await.expect(200).json();
    let safety = cleared["archive_id"].as_str().unwrap();
    let before = school.scratch.everything().await;
    let kept = [files.object(safety), files.manifest(safety)].map(|file| (std::fs::read(&file).unwrap(), file));

    files.exchange(safety, &intruder);
    undo(&admin, &cleared).await.problem(422, "archive_record_mismatch");
    // Only the object is exchanged. The service notices it on reading.
    std::fs::write(&kept[1].1, &kept[1].0).unwrap();
    undo(&admin, &cleared).await.problem(422, "archive_manifest_mismatch");
    assert_eq!(school.scratch.everything().await, before);

    std::fs::write(&kept[0].1, &kept[0].0).unwrap();
    undo(&admin, &cleared).await.expect(200);
    assert_eq!(admin.digests().await, digests);

    // Another clear, whose record is missing or names another archive.
    let cleared = admin.clear(&json!({"table": "payments"})).await.expect(200).json();
    let before = school.scratch.everything().await;
    for change in ["update backup_archives set job_id = 'x'", "delete from backup_archives"] {
        school.scratch.execute(change).await;
        undo(&admin, &cleared).await.problem(422, "undo_unproven");
        assert_eq!(school.scratch.everything().await, before);
    }
}

#[on_every_engine]
async fn swapped_safety_archive_in_a_folder_is_not_undone(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let files = StoreFiles(setup.folder().join("data/archives"));
    swapped_safety_archive_is_not_undone(&school, setup, &files).await;
}

#[on_every_engine(nightly)]
async fn swapped_safety_archive_in_a_bucket_is_not_undone(engine: Engine) {
    let school = small_school(engine).await;
    let bucket = S3::start().await;
    let files = StoreFiles(bucket.folder());
    swapped_safety_archive_is_not_undone(&school, bucket.configure(Setup::on(&school.scratch)), &files).await;
}

/// Archives of another installation, or of this one before its database was lost.
#[on_every_engine(nightly)]
async fn archive_of_another_installation_is_marked_and_can_be_restored(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch).start().await;
    let (admin, files) = (service.admin().await, StoreFiles(store(&service)));
    let id = admin.create_backup().await;
    assert_eq!(verify(&admin, &id).await["state"], "succeeded");
    copy(&files.0.join(&id), &files.0.join(COPIED));
    let shown = show(&admin, COPIED).await;
    assert_eq!(
        (&shown["origin"], &shown["kind"], &shown["verification"]),
        (&json!("found"), &json!("created"), &Value::Null)
    );
    let plan = admin.plan(COPIED, &json!({"mode": "replace"})).await;
    assert_eq!(
        (&plan["warnings"][0]["code"], &plan["warnings"][0]["table"]),
        (&json!("archive_found"), &Value::Null)
    );
    // The service believes its own verification. The origin of the archive stays unknown.
    assert_eq!(verify(&admin, COPIED).await["state"], "succeeded");
    let shown = show(&admin, COPIED).await;
    assert_eq!(
        (&shown["origin"], &shown["verification"]["result"]),
        (&json!("found"), &json!("ok"))
    );
    let before = admin.digests().await;
    admin.clear(&json!({"table": "payments"})).await.expect(200);
    admin
        .done(admin.restore(COPIED, &json!({"mode": "replace"})).await)
        .await;
    assert_eq!(admin.digests().await, before);

    let file = admin.get(&of(COPIED, "/file")).await.expect(200).body;
    let uploaded = admin
        .post_raw(&format!("{ARCHIVES}/upload"), "application/octet-stream", file)
        .await;
    let uploaded = uploaded.expect(201).json();
    assert_eq!(uploaded["origin"], "uploaded");
    let plan = admin
        .plan(uploaded["id"].as_str().unwrap(), &json!({"mode": "replace"}))
        .await;
    assert!(!plan["warnings"].to_string().contains("archive_found"), "{plan}");
}

/// The record of an archive survives the loss of the manifest.
#[on_every_engine(nightly)]
async fn rewritten_manifest_has_the_kind_of_the_record(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch).start().await;
    let (admin, files) = (service.admin().await, StoreFiles(store(&service)));
    let cleared = admin.clear(&json!({"table": "payments"})).await.expect(200).json();
    let safety = cleared["archive_id"].as_str().unwrap();
    std::fs::remove_file(files.manifest(safety)).unwrap();
    assert_eq!(verify(&admin, safety).await["state"], "succeeded");
    let shown = show(&admin, safety).await;
    assert_eq!(
        (&shown["kind"], &shown["origin"], &shown["verification"]["result"]),
        (&json!("safety"), &json!("made_here"), &json!("ok"))
    );
    undo(&admin, &cleared).await.expect(200);
    // The manifest is not written again if the object is that of another archive.
    let intruder = archive_with_an_intruder(&school, &admin).await;
    std::fs::copy(files.object(&intruder), files.object(safety)).unwrap();
    std::fs::remove_file(files.manifest(safety)).unwrap();
    let job = verify(&admin, safety).await;
    assert_eq!(job["error"]["code"], "archive_record_mismatch", "{job}");
    assert!(!files.manifest(safety).exists());
}

/// An attacker without the key can only store unencrypted archives.
#[on_every_engine]
async fn unencrypted_archive_is_refused_where_archives_are_encrypted(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    service.stop().await;

    let key = setup.folder().join("archive.key");
    write_private(&key, ARCHIVE_KEY);
    let setup = setup.again().set("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", key.display());
    let service = setup.start().await;
    let admin = service.admin().await;
    let before = school.scratch.everything().await;
    let plan = of(&id, "/restore-plan");
    let mut body = json!({"mode": "replace"});
    admin.post(&plan, &body).await.problem(422, "archive_unencrypted");
    body["allow_unencrypted"] = json!(false);
    admin.post(&plan, &body).await.problem(422, "archive_unencrypted");
    body["allow_unencrypted"] = json!(true);
    let hash = admin.plan(&id, &body).await["hash"].clone();
    let restore = json!({"mode": "replace", "plan_hash": hash, "confirm": "restore"});
    let refused = admin.post(&of(&id, "/restore"), &restore).await;
    refused.problem(422, "archive_unencrypted");
    let arguments = ["restore", &id, "--mode", "replace", "--yes"];
    let finished = setup.again().arguments(&arguments).run().await;
    assert_eq!(finished.code, Some(6), "{finished:?}");
    assert!(finished.stderr.contains("--allow-unencrypted"), "{finished:?}");
    assert_eq!(school.scratch.everything().await, before);

    // An undo recognizes its archive by the record.
    undo(&admin, &cleared).await.expect(200);
    admin.done(admin.restore(&id, &body).await).await;
    let arguments = ["restore", &id, "--mode", "replace", "--yes", "--allow-unencrypted"];
    let finished = setup.again().arguments(&arguments).run().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    // A restore of an encrypted archive needs no extra confirmation.
    let id = service.admin().await.create_backup().await;
    service.admin().await.plan(&id, &json!({"mode": "replace"})).await;
}

/// Three records: one that is 500 days old, whose archive is absent; one whose archive exists; and a new one.
#[on_every_engine(nightly)]
async fn old_records_of_missing_archives_are_deleted(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let (kept, gone, new) = (
        admin.create_backup().await,
        admin.create_backup().await,
        admin.create_backup().await,
    );
    for id in [&gone, &new] {
        admin.delete(&of(id, "?force=true")).await.expect(204);
    }
    service.stop().await;
    let old = format!("update backup_archives set recorded_at = '2020-01-01 00:00:00' where archive_id <> '{new}'");
    school.scratch.execute(&old).await;
    let service = setup.start().await;
    let ids = async || {
        let rows = school.scratch.rows("select archive_id from backup_archives").await;
        rows.into_iter().filter_map(|mut row| row.remove(0)).collect::<Vec<_>>()
    };
    harness::until("old records are removed", harness::WAIT_LIMIT, async || {
        !ids().await.contains(&gone)
    })
    .await;
    let left = ids().await;
    assert!(left.contains(&kept) && left.contains(&new), "{left:?}");
    assert_eq!(show(&service.admin().await, &kept).await["origin"], "made_here");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
