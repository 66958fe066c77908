//! The database is lost, and the archives exist: the command line alone restores everything.

use std::path::Path;

use campus_backup_archive::Cell;
use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVE_KEY, OTHER_ARCHIVE_KEY};
use harness::restore_rig::RestorePlace;
use harness::service::{Finished, Setup};
use harness::{ADMIN_PASSWORD, Engine, School, Scratch, on_every_engine, small_school, write_private};

/// The folder of archives, with one archive of the small school.
struct SavedArchives {
    setup: Setup,
    school: School,
    archive: String,
}

impl SavedArchives {
    async fn of(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch).installed().await;
        let taken = setup
            .again()
            .arguments(&["backup", "--as", "admin", "--json"])
            .run()
            .await;
        assert_eq!(taken.code, Some(0), "{taken:?}");
        let taken: Value = serde_json::from_str(&taken.stdout).unwrap();
        let archive = taken["id"].as_str().unwrap().to_owned();
        Self { setup, school, archive }
    }

    /// A setup on the same folder with this database, without a password in the settings.
    fn with(&self, database: &str) -> Setup {
        self.setup
            .again()
            .unset("CAMPUS_BACKUP_ADMIN_PASSWORD")
            .set("DATABASE_URL", database)
    }

    async fn restore(&self, scratch: &Scratch, archive: &str, flags: &[&str]) -> Finished {
        let restore = ["restore", archive, "--mode", "replace", "--yes"];
        self.with(scratch.url())
            .arguments(&restore)
            .arguments(flags)
            .run()
            .await
    }
}

const CONFIRMED: &[&str] = &["--confirm-administrators"];

#[on_every_engine]
async fn archives_are_read_without_a_database_and_without_an_account(engine: Engine) {
    let left = SavedArchives::of(engine).await;
    let id = left.archive.as_str();
    let gone = match engine {
        Engine::Sqlite => "sqlite:/nowhere/at/all.db",
        Engine::Postgres => "postgres://unknown@127.0.0.1:1/nothing",
        Engine::Mysql => "mysql://unknown@127.0.0.1:1/nothing",
    };
    for (command, said) in [
        (&["list"][..], id),
        (&["show", id], "9999999987.50  sum of payments.amount_paid"),
        (&["verify", id], "complete"),
        (&["verify", id, "--test-restore"], "a restore took"),
        (&["extract", id, "users"], "admin@school.example"),
    ] {
        let done = left.with(gone).arguments(command).run().await;
        assert_eq!(done.code, Some(0), "{command:?}: {done:?}");
        assert!(done.stdout.contains(said), "{command:?}: {done:?}");
    }
    let file = format!("data/archives/{id}/archive.json.zst");
    for command in [
        &["extract", &file, "users", "--output", "users.csv"][..],
        &["verify", &file],
    ] {
        let done = left.with(gone).arguments(command).run().await;
        assert_eq!(done.code, Some(0), "{command:?}: {done:?}");
    }
}

/// The key is wrong, not the archive: the verification in the manifest stays unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn verify_without_the_right_key_stores_nothing() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let [key, other] = [("archive.key", ARCHIVE_KEY), ("other.key", OTHER_ARCHIVE_KEY)].map(|(name, key)| {
        let file = setup.folder().join(name);
        write_private(&file, key);
        file
    });
    let with = |key: &Path| setup.again().set("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", key.display());
    let run = async |setup: Setup, arguments: &[&str]| setup.arguments(arguments).run().await;
    let taken = run(with(&key), &["backup", "--as", "admin", "--json"]).await;
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let taken: Value = serde_json::from_str(&taken.stdout).unwrap();
    let id = taken["id"].as_str().unwrap();
    let show = async || run(setup.again(), &["show", id, "--json"]).await.stdout;

    let before = show().await;
    for setup in [setup.again(), with(&other)] {
        let refused = run(setup, &["verify", id]).await;
        assert_eq!(refused.code, Some(6), "{refused:?}");
        assert_eq!(show().await, before);
    }
    let whole = run(with(&key), &["verify", id]).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
}

/// The restore names the accounts of the archive, and restores them after a confirmation. Then all data is as before.
#[on_every_engine]
async fn archive_is_restored_into_an_empty_database(engine: Engine) {
    let left = SavedArchives::of(engine).await;
    let fresh = Scratch::empty(engine).await;
    let shown = left.restore(&fresh, &left.archive, &["--dry-run"]).await;
    shown.assert_plain_fault(2);
    assert!(harness::schema_shape::read(&fresh).await.is_empty());

    let asked = left.restore(&fresh, &left.archive, &[]).await;
    asked.assert_plain_fault(2);
    assert!(
        asked.stderr.contains("--confirm-administrators") && asked.stderr.contains("(-old.admin, admin)"),
        "{asked:?}"
    );
    assert!(asked.stdout.contains("administrator added: admin: "), "{asked:?}");
    assert_eq!(fresh.count("users").await, 0);

    let done = left.restore(&fresh, &left.archive, CONFIRMED).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!done.stdout.contains("One-time password"), "{done:?}");
    let before = RestorePlace::on(&left.school.scratch).await.digests().await;
    assert_eq!(RestorePlace::on(&fresh).await.digests().await, before);
    let service = left.with(fresh.url()).start().await;
    let admin = service.login("admin", ADMIN_PASSWORD).await;
    admin.get("/backup/stats").await.expect(200);
    assert!(!service.stdout().contains("One-time password"));
}

#[on_every_engine]
async fn administrator_is_created_if_none_can_sign_in(engine: Engine) {
    let left = SavedArchives::of(engine).await;
    let whole = RestorePlace::on(&left.school.scratch).await.archive().await;
    for (column, value) in [
        (3, Cell::Text("!")),
        (4, Cell::Text("teacher")),
        (5, Cell::Boolean(false)),
    ] {
        let changed = whole.rewritten(|table, cells| {
            if table == "users" {
                cells[column] = value;
            }
            true
        });
        std::fs::write(left.setup.folder().join("changed.json"), changed.bytes()).unwrap();
        let fresh = Scratch::empty(engine).await;
        let done = left.restore(&fresh, "changed.json", CONFIRMED).await;
        assert_eq!(done.code, Some(0), "{value:?}: {done:?}");
        // The restored account has the name `admin`.
        assert!(done.stdout.contains("Administrator `admin-2` was created."), "{done:?}");
        assert_eq!(fresh.count("students").await, 5);
        let service = left.with(fresh.url()).start().await;
        let admin = service.first_login("admin-2", done.password()).await;
        admin.get("/backup/stats").await.expect(200);
        assert!(!service.stdout().contains("One-time password"), "{value:?}");
    }
}

/// A machine without an installation.
#[on_every_engine]
async fn file_is_restored_into_a_new_installation(engine: Engine) {
    let school = small_school(engine).await;
    let archive = RestorePlace::on(&school.scratch).await.archive().await;
    let fresh = Scratch::empty(engine).await;
    let setup = Setup::bare()
        .set("DATABASE_URL", fresh.url())
        .set("CAMPUS_BACKUP_ADMIN_USERNAME", "office");
    std::fs::write(setup.folder().join("all.json"), archive.bytes()).unwrap();
    let restore = async |flags: &[&str]| {
        let restore = ["restore", "all.json", "--mode", "replace", "--yes", "--json"];
        setup.again().arguments(&restore).arguments(flags).run().await
    };
    // The path of the data folder could be mistyped.
    restore(CONFIRMED).await.assert_plain_fault(2);
    assert!(!setup.folder().join("data").exists());

    let made = setup.again().argument("migrate").run().await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let plan = restore(&["--dry-run"]).await;
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["administrators_added"]["total"], 2, "{plan}");
    assert!(list(&setup).await.is_empty());

    let done = restore(&["--table", "students"]).await;
    let report: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    assert_eq!(report["administrator"]["username"], "office", "{report}");
    assert!(is_kept(setup.folder(), report["archive_id"].as_str().unwrap()));
    assert_eq!(fresh.count("students").await, 5);
    let service = setup.start().await;
    let password = report["administrator"]["password"].as_str().unwrap();
    service
        .first_login("office", password)
        .await
        .get("/backup/stats")
        .await
        .expect(200);
    drop(service);

    // With `--as` an account acts, which the restore keeps.
    let done = restore(&["--confirm-administrators", "--as", "office"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["administrator"], Value::Null);
    assert_eq!(report["tables"]["users"]["kept"], json!(1), "{report}");
    assert_eq!(fresh.count("users").await, 6);
}

/// User names that another program has created do not block the restore.
#[on_every_engine]
async fn accounts_are_restored_with_any_name(engine: Engine) {
    let left = SavedArchives::of(engine).await;
    let changed = RestorePlace::on(&left.school.scratch)
        .await
        .archive()
        .await
        .rewritten(|table, cells| {
            if table == "users" && cells[0] == Cell::Integer(2) {
                cells[1] = Cell::Text(" teacher\u{200b}");
            }
            true
        });
    std::fs::write(left.setup.folder().join("changed.json"), changed.bytes()).unwrap();
    let fresh = Scratch::empty(engine).await;
    let done = left.restore(&fresh, "changed.json", CONFIRMED).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(fresh.count("users").await, 5);
}

async fn list(setup: &Setup) -> Vec<Value> {
    let listed = setup.again().arguments(&["list", "--json"]).run().await;
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    listed["items"].as_array().unwrap().clone()
}

fn is_kept(folder: &Path, id: &str) -> bool {
    folder.join("data/archives").join(id).join("archive.json").exists()
}
