//! `campus-backup clear`, `delete`, `protect`, `upload` and `download`, and files on the standard input.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::{Engine, School, on_every_engine, small_school};

struct CommandsFixture {
    school: School,
    setup: Setup,
}

impl CommandsFixture {
    async fn of_the_small_school(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch).installed().await;
        Self { school, setup }
    }

    async fn run(&self, arguments: &[&str]) -> Finished {
        self.setup.again().arguments(arguments).run().await
    }

    /// Runs a command that must succeed and print nothing on the standard error.
    async fn done(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(
            (done.code, done.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}: {done:?}"
        );
        done.stdout
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.done(&arguments).await).unwrap()
    }

    /// Checks that the current rows equal those of an archive.
    async fn assert_is(&self, id: &str) {
        assert_eq!(self.json(&["diff", id]).await["is_same"], true);
    }

    async fn backup(&self) -> String {
        self.json(&["backup"]).await["id"].as_str().unwrap().to_owned()
    }
}

#[on_every_engine]
async fn clear_is_previewed_executed_and_undone(engine: Engine) {
    let line = CommandsFixture::of_the_small_school(engine).await;
    let id = line.backup().await;
    let before = line.school.scratch.everything().await;
    for (arguments, code) in [
        (&["clear", "attendance"][..], 2),
        (&["clear", "teachers", "--yes"], 2),
        (&["clear", "payment_categories", "--yes"], 2),
        (&["clear", "attendance", "--yes", "--as", "unknown"], 2),
        (&["clear", "attendance", "--yes", "--as", "teacher"], 1),
        (&["clear", "attendance", "--yes", "--expected-rows", "7"], 7),
    ] {
        let refused = line.run(arguments).await;
        refused.assert_plain_fault(code);
        assert_eq!(refused.stdout, "", "{arguments:?}");
    }
    let shown = line.done(&["clear", "students", "--dry-run"]).await;
    assert!(
        shown.contains("will be deleted") && shown.contains("               5               0  students\n"),
        "{shown}"
    );
    let foreseen = line.json(&["clear", "students", "--dry-run"]).await;
    assert_eq!(
        (&foreseen["dry_run"], &foreseen["removed_total"]),
        (&json!(true), &json!(14))
    );
    assert_eq!(line.school.scratch.everything().await, before);

    let said = line
        .done(&["clear", "students", "--yes", "--expected-rows", "14"])
        .await;
    assert_eq!(line.school.scratch.count("students").await, 0);
    let undo = said
        .lines()
        .last()
        .unwrap()
        .split_once("campus-backup undo ")
        .unwrap()
        .1;
    assert_eq!(line.done(&["undo", undo, "--quiet"]).await, "");
    line.assert_is(&id).await;
    let cleared = line.json(&["clear", "attendance", "--yes"]).await;
    assert_eq!(
        (&cleared["dry_run"], &cleared["removed"]["attendance"]),
        (&json!(false), &json!(3))
    );
    assert_eq!(line.done(&["clear", "payments", "--yes", "--quiet"]).await, "");
    assert_eq!(line.school.scratch.count("payments").await, 0);
}

#[on_every_engine(nightly)]
async fn archive_is_protected_and_deleted(engine: Engine) {
    let line = CommandsFixture::of_the_small_school(engine).await;
    let id = line.backup().await;
    let id = id.as_str();
    line.run(&["delete", id]).await.assert_plain_fault(2);
    line.run(&["delete", "nothing", "--yes"]).await.assert_plain_fault(7);
    line.run(&["protect", "nothing"]).await.assert_plain_fault(7);
    assert!(line.done(&["protect", id]).await.contains("protected"));
    line.run(&["delete", id, "--yes"]).await.assert_plain_fault(7);
    assert!(line.done(&["show", id]).await.starts_with(id));
    assert_eq!(line.json(&["protect", id, "--off"]).await["protected"], false);
    // It is the newest backup.
    line.run(&["delete", id, "--yes"]).await.assert_plain_fault(7);
    assert_eq!(
        line.json(&["delete", id, "--yes", "--force"]).await,
        json!({"id": id, "deleted": true})
    );
    line.run(&["show", id]).await.assert_plain_fault(7);
    // The safety backup of a clear that can be undone is deleted only with --force.
    let cleared = line.json(&["clear", "attendance", "--yes"]).await;
    let safety = cleared["archive_id"].as_str().unwrap();
    line.run(&["delete", safety, "--yes"]).await.assert_plain_fault(7);
    line.done(&["delete", safety, "--yes", "--force"]).await;
    line.run(&["undo", cleared["id"].as_str().unwrap()])
        .await
        .assert_plain_fault(7);
}

#[on_every_engine]
async fn file_is_saved_uploaded_and_restored(engine: Engine) {
    let line = CommandsFixture::of_the_small_school(engine).await;
    let id = line.backup().await;
    let name = line.done(&["download", &id]).await;
    let file = line.setup.folder().join(name.trim_end());
    let bytes = std::fs::read(&file).unwrap();
    let stored = line
        .setup
        .folder()
        .join("data/archives")
        .join(&id)
        .join("archive.json.zst");
    assert_eq!(bytes, std::fs::read(stored).unwrap());
    line.run(&["download", &id]).await.assert_plain_fault(2);
    let file = file.to_str().unwrap();

    let uploaded = line.json(&["upload", file, "--label", "brought", "--protected"]).await;
    assert_eq!(
        (&uploaded["label"], &uploaded["protected"], &uploaded["kind"]),
        (&json!("brought"), &json!(true), &json!("uploaded"))
    );
    let cut = line.setup.folder().join("cut.json.zst");
    std::fs::write(&cut, &bytes[..bytes.len() - 9]).unwrap();
    line.run(&["upload", cut.to_str().unwrap()]).await.assert_plain_fault(6);
    line.run(&["upload", "nowhere.json"]).await.assert_plain_fault(2);
    let piped = line
        .setup
        .again()
        .arguments(&["upload", "-", "--json"])
        .run_with_input(&bytes)
        .await;
    assert_eq!(piped.code, Some(0), "{piped:?}");
    let extracted = line
        .setup
        .again()
        .arguments(&["extract", "-", "students"])
        .run_with_input(&bytes)
        .await;
    assert_eq!(extracted.stdout.trim_start_matches('\u{feff}'), School::csv("students"));
    assert_eq!(extracted.stderr, "");

    // A restore into a database with data uses a plan.
    line.school.scratch.execute("delete from attendance").await;
    line.run(&["restore", file, "--mode", "replace"])
        .await
        .assert_plain_fault(2);
    let plan = line.json(&["restore", file, "--mode", "replace", "--dry-run"]).await;
    assert_eq!(plan["tables"]["attendance"]["inserts"], 3);
    assert_eq!(line.school.scratch.count("attendance").await, 0);
    line.done(&["restore", file, "--mode", "replace", "--yes"]).await;
    line.assert_is(&id).await;
    line.school.scratch.execute("delete from payments").await;
    let restore = line
        .setup
        .again()
        .arguments(&["restore", "-", "--mode", "replace", "--yes"]);
    let restored = restore.run_with_input(&bytes).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    line.assert_is(&id).await;
    let refused = restore.run_with_input(&bytes[..bytes.len() - 9]).await;
    refused.assert_plain_fault(6);
    // The spooled file was removed.
    let spooled = std::fs::read_dir(line.setup.folder().join("data")).unwrap();
    let names: Vec<_> = spooled
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with(".tmp")), "{names:?}");
}

/// Another program may have changed a file in the store.
#[tokio::test(flavor = "multi_thread")]
async fn changed_archive_is_not_saved() {
    let line = CommandsFixture::of_the_small_school(Engine::Sqlite).await;
    let id = line.backup().await;
    let stored = line
        .setup
        .folder()
        .join("data/archives")
        .join(&id)
        .join("archive.json.zst");
    let mut bytes = std::fs::read(&stored).unwrap();
    bytes[99] ^= 1;
    std::fs::write(&stored, bytes).unwrap();
    line.run(&["download", &id, "--output", "saved"])
        .await
        .assert_plain_fault(6);
    assert!(!line.setup.folder().join("saved").exists());
}

#[on_every_engine(nightly)]
async fn live_table_is_saved(engine: Engine) {
    let line = CommandsFixture::of_the_small_school(engine).await;
    for (arguments, code) in [
        (&["download", "teachers"][..], 2),
        (&["download", "all", "--format", "csv"], 2),
        (&["download", "students", "--format", "pdf"], 2),
        (&["download", "students", "--delimiter", "pipe"], 2),
        (&["download", "students", "--as", "unknown"], 2),
    ] {
        line.run(arguments).await.assert_plain_fault(code);
    }
    let students = line.done(&["download", "students", "--output", "-"]).await;
    assert_eq!(students.trim_start_matches('\u{feff}'), School::csv("students"));
    let arguments = [
        "download",
        "attendance",
        "--delimiter",
        "semicolon",
        "--dates",
        "iso",
        "--names",
        "--output",
        "saved.csv",
    ];
    assert_eq!(line.done(&arguments).await, "saved.csv\n");
    let saved = std::fs::read_to_string(line.setup.folder().join("saved.csv")).unwrap();
    assert!(
        saved.ends_with("5;11;'+1+cmd|' /C calc'!A0;3;NULL;2039-12-31;leave\r\n"),
        "{saved}"
    );
    line.run(&arguments).await.assert_plain_fault(2);
    let saved = line.json(&["download", "all"]).await;
    let file = saved["file"].as_str().unwrap();
    assert!(file.starts_with("complete_backup_") && saved["rows"] == 25, "{saved}");
    line.done(&["verify", file]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn password_is_read_from_the_standard_input() {
    let line = CommandsFixture::of_the_small_school(Engine::Sqlite).await;
    let create = line
        .setup
        .again()
        .arguments(&["admin", "create", "head", "--password-file", "-"]);
    let created = create.run_with_input(b"copper-lantern-18-river\n").await;
    assert_eq!(created.code, Some(0), "{created:?}");
    let service = line.setup.start().await;
    service.login("head", "copper-lantern-18-river").await;
}

/// Password hashes are in the database, in its log and in every archive, so only the owner may read these files.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_readable_only_by_their_owner() {
    let setup = Setup::bare();
    let service = setup.start().await;
    let taken = setup.again().arguments(&["backup", "--json"]).run().await;
    let taken: Value = serde_json::from_str(&taken.stdout).unwrap();
    let id = taken["id"].as_str().unwrap();
    for arguments in [&["verify", id, "--test-restore"][..], &["download", id]] {
        let done = setup.again().arguments(arguments).run().await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    // The service is running, because it removes some of the files when it stops.
    let mut folders = vec![setup.folder().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
            match path.is_dir() {
                true => folders.push(path),
                false => files += 1,
            }
        }
    }
    assert!(files >= 7, "{files}");
    service.stop().await;
}
