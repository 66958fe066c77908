//! `campus-backup backup`, `list`, `show`, `verify`, `diff`, `restore` and `undo`: archives without the running
//! service.

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::{Engine, School, Scratch, on_every_engine, small_school};

struct ArchivesFixture {
    school: School,
    setup: Setup,
}

impl ArchivesFixture {
    async fn run(&self, arguments: &[&str]) -> Finished {
        self.setup.again().arguments(arguments).run().await
    }

    /// The JSON output of a command, which must print nothing else.
    async fn json(&self, arguments: &[&str]) -> Value {
        let done = self.setup.again().arguments(arguments).argument("--json").run().await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }

    /// Checks that the current rows equal those of an archive.
    async fn assert_is(&self, id: &str) {
        assert_eq!(self.json(&["diff", id]).await["is_same"], true);
    }

    fn scratch(&self) -> &Scratch {
        &self.school.scratch
    }
}

async fn of_the_small_school(engine: harness::Engine) -> ArchivesFixture {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).installed().await;
    ArchivesFixture { school, setup }
}

#[on_every_engine]
async fn archive_is_created_shown_verified_and_restored(engine: Engine) {
    let line = of_the_small_school(engine).await;
    let taken = line
        .json(&["backup", "--label", "before the exams", "--protected"])
        .await;
    let id = taken["id"].as_str().unwrap();
    assert_eq!(
        (&taken["label"], &taken["protected"], &taken["total"]),
        (&json!("before the exams"), &json!(true), &json!(25))
    );
    assert_eq!(taken["origin"], "made_here");
    // Without a database the origin and the copies of an archive are unknown.
    let mut read = taken.clone();
    read.as_object_mut()
        .unwrap()
        .retain(|name, _| name != "origin" && name != "copies");
    assert_eq!(line.json(&["show", id]).await, read);
    assert_eq!(line.json(&["list"]).await, json!({"items": [read], "unreadable": []}));
    let listed = line.run(&["list"]).await.stdout;
    assert!(
        listed.starts_with(id) && listed.contains("before the exams") && listed.contains("not verified"),
        "{listed}"
    );
    assert!(
        line.run(&["show", id])
            .await
            .stdout
            .contains("9999999987.50  sum of payments.amount_paid")
    );

    let verified = line.json(&["verify", id, "--test-restore"]).await;
    assert_eq!(
        (&verified["verification"]["level"], &verified["verification"]["result"]),
        (&json!("test_restore"), &json!("ok"))
    );
    // The command has no signing key, so the list shows the archive as not verified.
    assert!(line.run(&["list"]).await.stdout.contains("not verified"));

    line.scratch().execute("delete from attendance").await;
    line.scratch().execute("update courses set fee = 7 where id = 1").await;
    let compared = line.json(&["diff", id]).await;
    assert_eq!(
        (&compared["is_same"], &compared["tables"]["attendance"]["removed"]),
        (&json!(false), &json!(3))
    );
    let csv = line.run(&["diff", id, "live", "--csv"]).await;
    assert!(
        csv.stdout.contains("\r\ncourses,1,changed,fee,9999999999.99,7.00\r\n"),
        "{csv:?}"
    );
    let counts = line.run(&["diff", id]).await.stdout;
    assert!(
        counts.contains("           0           3           0           0  attendance\n"),
        "{counts}"
    );

    let plan = line.json(&["restore", id, "--mode", "replace", "--dry-run"]).await;
    assert_eq!(
        (&plan["tables"]["attendance"]["inserts"], &plan["blockers"]),
        (&json!(3), &json!([]))
    );
    assert_eq!(line.scratch().count("attendance").await, 0);
    let report = line.json(&["restore", id, "--mode", "replace", "--yes"]).await;
    assert_eq!(report["archive_id"], id);
    line.assert_is(id).await;
    let safety = line
        .json(&["show", report["safety_archive_id"].as_str().unwrap()])
        .await;
    assert_eq!(safety["kind"], "safety");

    line.scratch().execute("delete from attendance").await;
    line.json(&[
        "restore",
        id,
        "--mode",
        "insert_missing",
        "--table",
        "attendance",
        "--yes",
    ])
    .await;
    line.scratch()
        .execute("update students set full_name = 'Changed' where id = 2")
        .await;
    line.json(&["restore", id, "--mode", "merge", "--student", "2", "--yes"])
        .await;
    line.assert_is(id).await;
}

#[on_every_engine(nightly)]
async fn list_is_searched_filtered_and_sorted(engine: Engine) {
    let line = of_the_small_school(engine).await;
    let id = async |arguments: &[&str]| line.json(arguments).await["id"].as_str().unwrap().to_owned();
    let exams = id(&["backup", "--label", "before the exams", "--protected"]).await;
    let other = id(&["backup", "--label", "after the exams"]).await;
    let listed = async |arguments: &[&str]| {
        let list = line.json(&[&["list"], arguments].concat()).await;
        let items = list["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let sorted = ["--search", "EXAMS", "--sort", "label", "--direction", "asc"];
    assert_eq!(listed(&sorted).await, [other.clone(), exams.clone()]);
    assert_eq!(
        listed(&[&sorted[..], &["--limit", "1", "--offset", "1"]].concat()).await,
        std::slice::from_ref(&exams)
    );
    assert_eq!(
        listed(&["--protected", "--verification", "none", "--kind", "created"]).await,
        [exams]
    );
    assert_eq!(
        listed(&["--protected", "false", "--created-by", "admin"]).await,
        [other]
    );
    assert_eq!(listed(&["--from", "2999-01-01T00:00:00Z"]).await, [] as [String; 0]);
    for wrong in [
        ["--kind", "taken"],
        ["--sort", "name"],
        ["--from", "yesterday"],
        ["--protected", "yes"],
    ] {
        let refused = line.run(&[&["list"], &wrong[..]].concat()).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
}

#[on_every_engine]
async fn clear_of_the_service_is_undone(engine: Engine) {
    let line = of_the_small_school(engine).await;
    let before = line.json(&["backup"]).await;
    let service = line.setup.start().await;
    let cleared = service
        .admin()
        .await
        .clear(&json!({"table": "students"}))
        .await
        .expect(200)
        .json();
    service.stop().await;
    let id = cleared["id"].as_str().unwrap();
    let undone = line.json(&["undo", id]).await;
    assert_eq!(
        (&undone["clear_id"], &undone["tables"]["students"]["inserted"]),
        (&json!(id), &json!(5))
    );
    line.assert_is(before["id"].as_str().unwrap()).await;
    line.run(&["undo", id]).await.assert_plain_fault(7);
}

#[on_every_engine(nightly)]
async fn failures_have_exit_codes_and_change_nothing(engine: Engine) {
    let line = of_the_small_school(engine).await;
    let taken = line.json(&["backup"]).await;
    let id = taken["id"].as_str().unwrap();
    let before = line.scratch().everything().await;
    for (arguments, code) in [
        (&["backup", "--label", ""][..], 2),
        (&["backup", "--as", "teacher"], 1),
        (&["backup", "--as", "unknown"], 2),
        (&["show", "nothing"], 7),
        (&["verify", "2026-01-01T00-00-00Z-00000000"], 7),
        (&["diff", "live", "live", "--as", "unknown"], 2),
        (&["undo", "nothing"], 7),
        (&["restore", id, "--mode", "overwrite", "--yes"], 2),
        (&["restore", id, "--mode", "merge", "--table", "teachers", "--yes"], 2),
        (&["restore", id, "--mode", "merge", "--student", "4711", "--yes"], 6),
        (&["restore", id, "--mode", "replace"], 2),
    ] {
        let done = line.run(arguments).await;
        assert_eq!(done.code, Some(code), "{arguments:?}: {done:?}");
        done.assert_plain_fault(code);
    }
    let object = line
        .setup
        .folder()
        .join("data/archives")
        .join(id)
        .join("archive.json.zst");
    let whole = std::fs::read(&object).unwrap();
    std::fs::write(&object, &whole[..whole.len() - 9]).unwrap();
    for arguments in [
        &["verify", id][..],
        &["restore", id, "--mode", "replace", "--yes"],
        &["diff", id],
    ] {
        let done = line.run(arguments).await;
        assert_eq!(done.code, Some(6), "{arguments:?}: {done:?}");
    }
    assert!(line.run(&["list"]).await.stdout.contains("digest truncated"));
    assert_eq!(line.scratch().everything().await, before);
}
