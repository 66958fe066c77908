//! A command that needs an installation names the place where it has looked, and creates nothing.

use std::path::Path;

use campus_backup_migration::{Migrator, MigratorTrait};
use harness::service::{Finished, Setup};
use harness::{Engine, Scratch, on_every_engine, small_school};

const ID: &str = "2026-01-01T00-00-00Z-00000001";

/// Every command that needs an installation.
const COMMANDS: [&[&str]; 27] = [
    &["admin", "reset-password", "admin"],
    &["admin", "list"],
    &["token", "admin"],
    &["audit", "list"],
    &["token", "list"],
    &["backup"],
    &["diff", ID],
    &["undo", "nothing"],
    &["clear", "students", "--yes"],
    &["delete", ID, "--yes"],
    &["protect", ID],
    &["download", "students", "--output", "-"],
    &["schedule", "list"],
    &["retention", "show"],
    &["accept", ID],
    &["certificate", ID],
    &["notification", "list"],
    &["destination", "list"],
    &["rekey", ID],
    &["import", "students", "-", "--yes"],
    &["restore", ID, "--mode", "replace", "--yes"],
    &["list"],
    &["show", ID],
    &["verify", ID, "--test-restore"],
    &["extract", ID, "students"],
    &["download", ID, "--output", "-"],
    &["key", "list"],
];

/// The first commands of the list need no archives. The next ones need a complete installation.
const WITHOUT_ARCHIVES: usize = 5;
/// From this position on the database may be empty: `restore` fills it.
const RESTORE: usize = 20;
/// From this position on the commands need archives and no database.
const READING: usize = 21;

/// Commands that create an installation, or do not use one.
const OTHERS: [&str; 9] = [
    "serve",
    "migrate",
    "demo",
    "admin",
    "adopt",
    "health",
    "openapi",
    "upload",
    "completions",
];

/// Every subcommand is in one of the lists.
#[tokio::test(flavor = "multi_thread")]
async fn every_subcommand_is_tested() {
    let help = Setup::bare().argument("--help").run().await.stdout;
    let (_, rest) = help.split_once("Commands:\n").unwrap();
    let named = rest.lines().take_while(|line| !line.is_empty());
    // A continued description has a deeper indentation.
    let named = named.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let named: Vec<_> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(named.contains(&"restore"), "{help}");
    for name in named.into_iter().filter(|name| *name != "help") {
        let is_tested = COMMANDS.iter().any(|command| command[0] == name) || OTHERS.contains(&name);
        assert!(is_tested, "`{name}` is tested by nothing here");
    }
}

/// The path of the data folder is mistyped. The database would be a file in it.
#[tokio::test(flavor = "multi_thread")]
async fn missing_data_folder_is_not_created() {
    for command in COMMANDS {
        let setup = Setup::bare();
        let folder = setup.folder().join("typo");
        let done = setup
            .again()
            .arguments(command)
            .arguments(&["--data-dir", folder.to_str().unwrap()]);
        refused(&done.run().await, 2, &folder);
        assert!(is_empty(setup.folder()), "{command:?}");
    }
}

/// cron starts a command without the service's environment, in another folder.
#[tokio::test(flavor = "multi_thread")]
async fn command_without_environment_names_the_path_of_the_default() {
    for command in COMMANDS {
        let setup = Setup::bare().arguments(command);
        let folder = setup.folder().canonicalize().unwrap().join("data");
        refused(&setup.run().await, 2, &folder);
        assert!(is_empty(setup.folder()), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_installation_create_none() {
    for command in [&["health"][..], &["openapi"], &["verify", "nowhere.json"]] {
        let setup = Setup::bare().arguments(command);
        setup.run().await;
        assert!(is_empty(setup.folder()), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_database_file_is_not_created() {
    for (position, command) in COMMANDS.into_iter().enumerate() {
        let setup = Setup::bare().arguments(command);
        let folder = setup.folder().canonicalize().unwrap().join("data");
        std::fs::create_dir(&folder).unwrap();
        let missing = if position < RESTORE {
            "campus-backup.db"
        } else {
            "archives"
        };
        refused(&setup.run().await, 2, &folder.join(missing));
        assert!(is_empty(&folder), "{command:?}");
    }
}

/// A restore of a missing archive creates nothing either.
#[on_every_engine]
async fn restore_of_a_missing_archive_creates_nothing(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    for archive in [ID, "typo.json"] {
        let setup = Setup::on(&scratch).arguments(&["restore", archive, "--mode", "replace", "--yes"]);
        std::fs::create_dir_all(setup.folder().join("data/archives")).unwrap();
        setup.run().await.assert_plain_fault(7);
        assert!(is_empty(&setup.folder().join("data/archives")));
    }
    assert!(harness::schema_shape::read(&scratch).await.is_empty());
}

/// Reading creates no mark of a deletion, no lock, no database and no data folder.
#[tokio::test(flavor = "multi_thread")]
async fn reading_commands_create_no_files() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let taken = setup.again().arguments(&["backup", "--json"]).run().await;
    let taken: serde_json::Value = serde_json::from_str(&taken.stdout).unwrap();
    let id = taken["id"].as_str().unwrap();
    let copied = Setup::bare();
    let archives = copied.folder().join("archives");
    let place = archives.join(id);
    std::fs::create_dir_all(&place).unwrap();
    for entry in std::fs::read_dir(setup.folder().join("data/archives").join(id)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), place.join(entry.file_name())).unwrap();
    }
    let copied = copied.set("CAMPUS_BACKUP_ARCHIVES", archives.display());
    for command in [
        &["list"][..],
        &["show", id],
        &["extract", id, "students"],
        &["verify", id],
        &["verify", id, "--test-restore"],
    ] {
        let done = copied.again().arguments(command).run().await;
        assert_eq!(done.code, Some(0), "{command:?}: {done:?}");
        assert_eq!(names(copied.folder()), ["archives"], "{command:?}");
        assert_eq!(names(&archives), [id], "{command:?}");
        assert_eq!(names(&place), ["archive.json.zst", "manifest.json"], "{command:?}");
    }
    let listed = copied.again().argument("list").run().await;
    // The manifest is signed, and the command has no key.
    assert!(listed.stdout.contains("not verified"), "{listed:?}");
}

#[on_every_engine]
async fn empty_database_is_not_migrated(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    for command in &COMMANDS[..RESTORE] {
        let setup = Setup::on(&scratch).arguments(command);
        std::fs::create_dir(setup.folder().join("data")).unwrap();
        let url = url::Url::parse(scratch.url()).unwrap();
        refused(&setup.run().await, 2, Path::new(url.path()));
        assert!(is_empty(&setup.folder().join("data")), "{command:?}");
    }
    assert!(harness::schema_shape::read(&scratch).await.is_empty());
}

/// The database belongs to the service. The command would write to a folder that no other command reads.
#[on_every_engine]
async fn missing_data_folder_is_not_created_for_an_existing_database(engine: Engine) {
    let school = small_school(engine).await;
    for command in COMMANDS {
        let setup = Setup::on(&school.scratch).arguments(command);
        refused(&setup.run().await, 2, &setup.folder().join("data"));
        assert!(is_empty(setup.folder()), "{command:?}");
    }
    assert_eq!(school.scratch.count("backup_jobs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_archives_folder_is_not_created() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let typo = setup.folder().join("typo");
    for (position, command) in COMMANDS.into_iter().enumerate() {
        let setup = setup.again().set("CAMPUS_BACKUP_ARCHIVES", typo.display());
        if position < WITHOUT_ARCHIVES {
            let done = setup.arguments(command).run().await;
            assert_eq!(done.code, Some(0), "{command:?}: {done:?}");
            assert!(!typo.exists(), "{command:?}");
            continue;
        }
        refused(&setup.arguments(command).run().await, 2, &typo);
        assert!(!typo.exists(), "{command:?}");
    }
}

/// An older version of the service may be running on this schema.
#[on_every_engine]
async fn schema_of_an_older_version_is_not_changed(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    Migrator::up(scratch.connection(), Some(1)).await.unwrap();
    for command in &COMMANDS[..READING] {
        let setup = Setup::on(&scratch).arguments(command);
        std::fs::create_dir_all(setup.folder().join("data/archives")).unwrap();
        let done = setup.run().await;
        done.assert_plain_fault(7);
        assert!(done.stderr.contains("`campus-backup migrate`"), "{done:?}");
    }
    assert_eq!(scratch.count("backup_migrations").await, 1);
}

/// The service would refuse a token that is signed with another secret.
#[tokio::test(flavor = "multi_thread")]
async fn token_command_creates_no_signing_secret() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch)
        .installed()
        .await
        .unset("CAMPUS_BACKUP_JWT_SECRET");
    let secret = setup.folder().join("data/jwt-secret");
    let done = setup.again().arguments(&["token", "admin"]).run().await;
    refused(&done, 2, Path::new("data/jwt-secret"));
    let taken = setup.again().argument("backup").run().await;
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert!(!secret.exists());
}

fn refused(done: &Finished, code: i32, place: &Path) {
    done.assert_plain_fault(code);
    assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    assert!(done.stderr.contains(place.to_str().unwrap()), "{place:?}: {done:?}");
    assert_eq!(done.stdout, "");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}
