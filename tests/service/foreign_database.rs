//! Every command refuses a database of another program, and changes no byte of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use harness::service::{Finished, Setup};
use harness::{Engine, Scratch, on_every_engine};
use sea_orm::sqlx::sqlite::SqliteJournalMode;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};

/// Every command that uses the database. All of them are refused before they do anything.
const COMMANDS: [&[&str]; 11] = [
    &["serve", "--listen", "127.0.0.1:0"],
    &["migrate"],
    &["demo"],
    &["admin", "create", "head.office"],
    &["admin", "reset-password", "admin"],
    &["token", "admin"],
    &["backup"],
    &["diff", "2026-01-01T00-00-00Z-00000001"],
    &["restore", "2026-01-01T00-00-00Z-00000001", "--mode", "replace", "--yes"],
    &["undo", "nothing"],
    &["serve", "--demo"],
];

#[on_every_engine]
async fn every_command_refuses_a_foreign_database(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    scratch
        .execute("create table wp_posts (id int primary key, title varchar(50))")
        .await;
    scratch.execute("insert into wp_posts values (1, 'stays')").await;
    for command in COMMANDS {
        let setup = Setup::on(&scratch).arguments(command);
        refused(&setup.run().await, "wp_posts");
        assert_eq!(names_in(setup.folder()), [] as [&str; 0], "{command:?} made a file");
    }
    assert_eq!(tables(&scratch).await, ["wp_posts"]);
    assert_eq!(scratch.rows("select * from wp_posts").await.len(), 1);
}

/// The message names the database without its password.
#[tokio::test(flavor = "multi_thread")]
async fn password_of_the_database_is_not_shown() {
    for engine in [Engine::Postgres, Engine::Mysql]
        .into_iter()
        .filter(|engine| engine.is_available())
    {
        let scratch = Scratch::empty(engine).await;
        scratch.execute("create table wp_posts (id int primary key)").await;
        let mut url = url::Url::parse(scratch.url()).unwrap();
        let database = url.path()[1..].to_owned();
        let user = format!("u{}", &database[database.len() - 24..]);
        let drop = match engine {
            Engine::Postgres => {
                let create = format!("create role {user} login password 'password-77'");
                scratch.execute(&create).await;
                format!("drop role {user}")
            }
            _ => {
                let create = format!("create user {user}@'%' identified by 'password-77'");
                scratch.execute(&create).await;
                scratch
                    .execute(&format!("grant select on {database}.* to {user}@'%'"))
                    .await;
                format!("drop user {user}@'%'")
            }
        };
        url.set_username(&user).unwrap();
        url.set_password(Some("password-77")).unwrap();
        let done = Setup::bare().set("DATABASE_URL", &url).argument("migrate").run().await;
        scratch.execute(&drop).await;
        refused(&done, "wp_posts");
        assert!(done.stderr.contains(&database), "{done:?}");
        assert!(!done.stderr.contains("password-77"), "{done:?}");
    }
}

/// Files of a program that has closed them, with a rollback journal or in WAL mode.
#[tokio::test(flavor = "multi_thread")]
async fn closed_sqlite_file_is_not_changed() {
    for mode in [SqliteJournalMode::Delete, SqliteJournalMode::Wal] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.db");
        other_program(&file, mode).await.close().await.unwrap();
        assert_eq!(names_in(folder.path()), ["notes.db"]);
        refused_and_unchanged(&file).await;
    }
}

/// Files of a running program, with an open log or with a transaction that has already written to the file.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_file_in_use_is_not_changed() {
    for mode in [SqliteJournalMode::Delete, SqliteJournalMode::Wal] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.db");
        let program = other_program(&file, mode).await;
        write_without_commit(&program).await;
        refused_and_unchanged(&file).await;
    }
}

/// A copy that somebody made of a database in WAL mode, without the index of the log. All tables are in the log.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_file_whose_tables_are_in_the_log_is_not_changed() {
    let (folder, copied) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _program = other_program(&folder.path().join("notes.db"), SqliteJournalMode::Wal).await;
    for name in ["notes.db", "notes.db-wal"] {
        std::fs::copy(folder.path().join(name), copied.path().join(name)).unwrap();
    }
    let alone = std::fs::read(copied.path().join("notes.db")).unwrap();
    assert!(
        !String::from_utf8_lossy(&alone).contains("notes"),
        "a table is in the file itself"
    );
    refused_and_unchanged(&copied.path().join("notes.db")).await;
}

/// Files of a killed program, with a journal or log that the next program to open them would apply.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_file_of_a_killed_program_is_not_changed() {
    for (mode, left) in [
        (SqliteJournalMode::Delete, &["notes.db", "notes.db-journal"][..]),
        (SqliteJournalMode::Wal, &["notes.db", "notes.db-shm", "notes.db-wal"]),
        (SqliteJournalMode::Wal, &["notes.db", "notes.db-wal"]),
    ] {
        let (folder, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = other_program(&folder.path().join("notes.db"), mode).await;
        if !left.contains(&"notes.db-shm") {
            // Without the index of the log only the main file can be read, so the tables must be in it.
            program
                .execute_unprepared("pragma wal_checkpoint(truncate)")
                .await
                .unwrap();
        }
        write_without_commit(&program).await;
        for name in left {
            std::fs::copy(folder.path().join(name), killed.path().join(name)).unwrap();
        }
        refused_and_unchanged(&killed.path().join("notes.db")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_not_a_database_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    std::fs::write(&file, "Dear parents, ".repeat(100)).unwrap();
    let before = contents(folder.path());
    let setup = Setup::bare()
        .set("DATABASE_URL", format!("sqlite:{}", file.display()))
        .argument("migrate");
    setup.run().await.assert_plain_fault(3);
    assert_eq!(contents(folder.path()), before);
}

/// The other program. It keeps its connection open.
pub(crate) async fn other_program(file: &Path, mode: SqliteJournalMode) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}", file.display()));
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| sqlite.create_if_missing(true).journal_mode(mode));
    let connection = Database::connect(options).await.unwrap();
    for statement in [
        "create table notes (id integer primary key, text text)",
        "create table pages (id integer primary key)",
        "insert into notes values (1, 'stays')",
    ] {
        connection.execute_unprepared(statement).await.unwrap();
    }
    connection
}

/// Writes more than the cache holds, so that SQLite writes to the file before the commit, which never comes.
async fn write_without_commit(program: &DatabaseConnection) {
    let rows = "with recursive many(n) as (select 2 union all select n + 1 from many where n < 5000) \
                insert into notes select n, printf('%0200d', n) from many";
    for statement in ["pragma cache_size = 5", "begin immediate", rows] {
        program.execute_unprepared(statement).await.unwrap();
    }
}

async fn refused_and_unchanged(file: &Path) {
    let folder = file.parent().unwrap();
    let before = contents(folder);
    for command in COMMANDS {
        let setup = Setup::bare()
            .set("DATABASE_URL", format!("sqlite:{}", file.display()))
            .arguments(command);
        let done = setup.run().await;
        refused(&done, "notes");
        assert!(done.stderr.contains(file.to_str().unwrap()), "{done:?}");
        assert_unchanged(&before, folder);
    }
}

/// Checks that a folder has the same files with the same bytes.
pub(crate) fn assert_unchanged(before: &BTreeMap<PathBuf, Vec<u8>>, folder: &Path) {
    let after = contents(folder);
    assert!(before.keys().eq(after.keys()), "{:?} {:?}", before.keys(), after.keys());
    for (name, bytes) in before {
        // The index of the log is shared memory, which contains the locks of all readers.
        let is_locks = name.to_str().unwrap().ends_with("-shm");
        assert!(is_locks || after[name] == *bytes, "{name:?} was changed");
    }
}

/// Checks for one plain line that names a table of the other program, and for the documented exit code.
fn refused(done: &Finished, table: &str) {
    done.assert_plain_fault(8);
    assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    assert!(done.stderr.contains(&format!("`{table}`")), "{done:?}");
    assert_eq!(done.stdout, "");
}

pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn tables(scratch: &Scratch) -> Vec<String> {
    let sql = match scratch.engine() {
        Engine::Sqlite => "select name from sqlite_schema where type = 'table'",
        Engine::Postgres => {
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        }
        Engine::Mysql => {
            "select cast(table_name as char) from information_schema.tables where table_schema = database()"
        }
    };
    let rows = scratch.rows(sql).await;
    rows.into_iter().map(|mut row| row.swap_remove(0).unwrap()).collect()
}
