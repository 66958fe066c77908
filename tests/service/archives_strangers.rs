//! Files of other programs and people in the folder of archives, and a disk without free space.

use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use harness::archives_rig::{ARCHIVES, of, store};
use harness::disk::MountedDisk;
use harness::service::Setup;
use harness::{Engine, Service, WAIT_LIMIT, on_every_engine, small_school, until};
use serde_json::{Value, json};

const COPIED: &str = "2026-01-01T00-00-00Z-00000001";
const LINKED: &str = "2026-01-01T00-00-00Z-00000002";
const DENIED: &str = "2026-01-01T00-00-00Z-00000003";

/// Waits for the end of the sweep at the start. Its last step removes an old mark of a deletion.
async fn swept(service: &Service, tombstone: &Path) {
    until("the archives are swept", WAIT_LIMIT, async || !tombstone.exists()).await;
    assert!(service.folder().join("data/runner").exists());
}

#[on_every_engine]
async fn files_of_other_programs_are_kept_and_affect_no_archive(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let id = service.admin().await.create_backup().await;
    let store = store(&service);
    service.stop().await;
    // An archive that a person is copying, the object first; a link to the data folder; a folder of another user.
    std::fs::create_dir(store.join(COPIED)).unwrap();
    std::fs::write(store.join(COPIED).join("notes.txt"), "of a person").unwrap();
    let object = store.join(COPIED).join("archive.json.zst");
    std::fs::copy(store.join(&id).join("archive.json.zst"), &object).unwrap();
    symlink("..", store.join(LINKED)).unwrap();
    std::fs::write(store.join(DENIED), "in place of a folder").unwrap();
    let tombstone = store.join("deleted").join("2020-01-01T00-00-00Z-00000001");
    let file = std::fs::File::create(&tombstone).unwrap();
    let old = SystemTime::now() - Duration::from_secs(500 * 24 * 60 * 60);
    file.set_modified(old).unwrap();

    let service = setup.start().await;
    swept(&service, &tombstone).await;
    let admin = service.admin().await;
    let listed = admin.get(ARCHIVES).await.expect(200).json();
    assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&json!(1), &json!(id)));
    let mut found: Vec<_> = listed["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["id"], &one["code"]))
        .collect();
    found.sort_by_key(|(id, _)| id.to_string());
    let expected = [
        (COPIED, "incomplete"),
        (LINKED, "symbolic_link"),
        (DENIED, "wrong_kind"),
    ];
    let expected = expected.map(|(id, code)| (json!(id), json!(code)));
    assert_eq!(found, expected.each_ref().map(|(id, code)| (id, code)));
    assert!(
        listed["unreadable"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["detail"].is_string())
    );

    let refused = async |id: &str, rest: &str| admin.get(&of(id, rest)).await;
    refused(LINKED, "").await.problem(500, "archive_unreadable");
    refused(COPIED, "").await.problem(409, "archive_incomplete");
    refused(COPIED, "/file").await.problem(409, "archive_incomplete");
    admin.delete(&of(LINKED, "")).await.problem(500, "archive_unreadable");
    assert!(store.join(LINKED).is_symlink() && service.folder().join("data/runner").exists());

    let taken = admin.create_backup().await;
    let verify = of(COPIED, "/verify");
    admin
        .done(admin.post(&verify, &json!({"level": "test_restore"})).await)
        .await;
    let shown = admin.get(&of(COPIED, "")).await.expect(200).json();
    assert_eq!(
        (
            &shown["kind"],
            &shown["created_by"],
            &shown["total"],
            &shown["verification"]["result"]
        ),
        (&json!("uploaded"), &json!("admin"), &json!(25), &json!("ok"))
    );
    let plan = admin.plan(COPIED, &json!({"mode": "replace"})).await;
    assert_eq!(plan["blockers"], json!([]));
    admin.delete(&of(COPIED, "")).await.expect(204);
    admin.get(&of(COPIED, "")).await.problem(410, "archive_gone");
    assert_eq!(
        std::fs::read_to_string(store.join(COPIED).join("notes.txt")).unwrap(),
        "of a person"
    );
    admin.delete(&of(&taken, "?force=true")).await.expect(204);
    assert!(!store.join(&taken).exists());
}

/// No answer contains the file behind the link.
#[on_every_engine(nightly)]
async fn file_of_an_archive_that_is_a_link_is_not_sent(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    let object = store(&service).join(&id).join("archive.json.zst");
    let elsewhere = service.folder().join("elsewhere");
    std::fs::rename(&object, &elsewhere).unwrap();
    symlink(&elsewhere, &object).unwrap();
    for rest in ["/file", "/download/students"] {
        admin.get(&of(&id, rest)).await.problem(500, "archive_unreadable");
    }
    let job = admin
        .job(admin.post(&of(&id, "/verify"), &json!({"level": "digest"})).await)
        .await;
    assert_eq!(job["error"]["code"], "archive_unreadable", "{job}");
}

#[on_every_engine(nightly)]
async fn damaged_copies_get_no_manifest(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    let store = store(&service);
    let whole = std::fs::read(store.join(&id).join("archive.json.zst")).unwrap();
    std::fs::create_dir(store.join(COPIED)).unwrap();
    let verified = async || {
        admin
            .job(admin.post(&of(COPIED, "/verify"), &json!({"level": "digest"})).await)
            .await
    };
    for (name, content, code) in [
        ("archive.json.zst", &whole[..whole.len() - 9], "archive_truncated"),
        ("archive.json", &whole[..], "archive_unreadable"),
    ] {
        let file = store.join(COPIED).join(name);
        std::fs::write(&file, content).unwrap();
        let job = verified().await;
        assert_eq!(
            (&job["state"], &job["error"]["code"]),
            (&json!("failed"), &json!(code)),
            "{job}"
        );
        assert!(!store.join(COPIED).join("manifest.json").exists());
        assert_eq!(std::fs::read(&file).unwrap(), content);
        std::fs::remove_file(&file).unwrap();
    }
    // A damaged manifest is written again.
    std::fs::write(store.join(&id).join("manifest.json"), "{").unwrap();
    let listed = admin.get(ARCHIVES).await.expect(200).json();
    assert_eq!(listed["unreadable"][0]["code"], "not_a_manifest");
    admin
        .done(admin.post(&of(&id, "/verify"), &json!({"level": "digest"})).await)
        .await;
    assert_eq!(admin.archives().await[0]["id"], id.as_str());
}

#[on_every_engine(nightly)]
async fn command_line_lists_unreadable_entries(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let id = service.admin().await.create_backup().await;
    let manifest = store(&service).join(&id).join("manifest.json");
    service.stop().await;
    std::fs::remove_file(&manifest).unwrap();
    let run = async |arguments: &[&str]| setup.again().arguments(arguments).run().await;
    let listed = run(&["list"]).await;
    assert!(listed.stdout.starts_with(&format!("{id}  incomplete: ")), "{listed:?}");
    let listed: Value = serde_json::from_str(&run(&["list", "--json"]).await.stdout).unwrap();
    assert_eq!(
        (&listed["items"], &listed["unreadable"][0]["code"]),
        (&json!([]), &json!("incomplete"))
    );
    run(&["show", &id]).await.assert_plain_fault(7);
    let verified = run(&["verify", &id]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(run(&["list"]).await.stdout.contains("digest ok"));
    std::fs::remove_file(&manifest).unwrap();
    symlink("/etc/passwd", &manifest).unwrap();
    run(&["show", &id]).await.assert_plain_fault(6);
}

/// The service can't read a folder that root has created in its data folder.
#[on_every_engine(nightly)]
async fn data_folder_of_another_user_is_refused(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let data = setup.folder().join("data");
    std::fs::create_dir(&data).unwrap();
    if chown(&data, Some(65_534), None).is_err() {
        eprintln!("SKIPPED: only root can give a folder to another user");
        return;
    }
    for arguments in [
        &["list"][..],
        &["backup"],
        &["migrate"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let refused = setup.again().arguments(arguments).run().await;
        refused.assert_plain_fault(2);
        assert!(refused.stderr.contains("belongs to user 65534"), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    chown(&data, Some(0), None).unwrap();
    std::fs::write(data.join("runner"), "").unwrap();
    chown(data.join("runner"), Some(65_534), None).unwrap();
    setup.again().arguments(&["list"]).run().await.assert_plain_fault(2);
}

#[on_every_engine(nightly)]
async fn archives_can_be_deleted_on_a_full_disk(engine: Engine) {
    let Some(disk) = MountedDisk::new("size=8m") else {
        return;
    };
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_ARCHIVES", disk.folder().display());
    let service = setup.start().await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    disk.fill();
    admin
        .post(ARCHIVES, &json!({}))
        .await
        .problem(507, "insufficient_storage");
    admin.delete(&of(&id, "?force=true")).await.expect(204);
    admin.get(&of(&id, "")).await.problem(410, "archive_gone");
    assert!(admin.archives().await.is_empty());
    disk.make_room();
    admin.create_backup().await;
}
