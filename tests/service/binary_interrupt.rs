//! Ctrl-C while a command waits for the database: exit code 130, and a message about what was done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use harness::service::{Running, Setup};
use harness::{Engine, Scratch, WAIT_LIMIT, on_every_engine, small_school, until};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};

/// Another program with an uncommitted change to a student. Other clients can read; on SQLite they can't write.
async fn held(scratch: &Scratch) -> DatabaseConnection {
    let writer = scratch.another_connection().await;
    let begin = match scratch.engine() {
        Engine::Sqlite => "begin immediate",
        Engine::Postgres | Engine::Mysql => "begin",
    };
    for statement in [begin, "update students set phone = '1' where id = 1"] {
        writer.execute_unprepared(statement).await.unwrap();
    }
    writer
}

async fn let_go(writer: DatabaseConnection) {
    writer.execute_unprepared("rollback").await.unwrap();
}

async fn begun(setup: &Setup, arguments: &[&str]) -> Running {
    // No timeout may end the wait before the interruption.
    let setup = setup.again().set("CAMPUS_BACKUP_DATABASE_TIMEOUT", 60);
    setup.arguments(arguments).begin()
}

#[on_every_engine]
async fn interrupted_clear_ends_with_130_and_changes_nothing(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let before = school.scratch.everything().await;
    let held = held(&school.scratch).await;
    let clear = begun(&setup, &["clear", "students", "--yes"]).await;
    until("it has shown what it would do", WAIT_LIMIT, async || {
        clear.stdout().contains("will be deleted")
    })
    .await;
    school.scratch.until_waiting(1).await;
    let interrupted = Instant::now();
    clear.interrupt();
    let clear = clear.finished().await;
    assert_eq!(clear.code, Some(130), "{clear:?}");
    let told = clear.stderr.lines().last();
    assert_eq!(
        told,
        Some("campus-backup: interrupted. Nothing was changed"),
        "{clear:?}"
    );
    assert!(
        interrupted.elapsed() < Duration::from_secs(30),
        "it waits for the database"
    );
    let_go(held).await;
    assert_eq!(school.scratch.everything().await, before);
    let listed = setup.again().arguments(&["list", "--json"]).run().await;
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed["items"], json!([]), "no safety backup stays: {listed}");
    // The interrupted command leaves no lock.
    let clear = setup.again().arguments(&["clear", "students", "--yes"]).run().await;
    assert_eq!(clear.code, Some(0), "{clear:?}");
    assert_eq!(school.scratch.count("students").await, 0);
}

/// The uploaded archive stays, and the message names it. On SQLite the upload fails while another program writes.
#[on_every_engine]
async fn interrupted_restore_of_a_file_names_the_uploaded_archive(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let saved = setup
        .again()
        .arguments(&["download", "all", "--output", "all.json"])
        .run()
        .await;
    assert_eq!(saved.code, Some(0), "{saved:?}");
    let before = school.scratch.everything().await;
    let held = held(&school.scratch).await;
    let restore = begun(&setup, &["restore", "all.json", "--mode", "replace", "--yes", "--json"]).await;
    let uploaded = || {
        let archives = std::fs::read_dir(setup.folder().join("data/archives")).ok()?;
        let mut ids = archives.map(|entry| entry.unwrap());
        let listed = ids.find(|entry| entry.path().join("manifest.json").exists())?;
        Some(listed.file_name().into_string().unwrap())
    };
    match engine {
        // The command listens for the signal from its plan on, which only reads.
        Engine::Sqlite => {
            until("the file is being uploaded", WAIT_LIMIT, async || {
                let there = std::fs::read_dir(setup.folder().join("data/archives"));
                there.is_ok_and(|archives| {
                    archives
                        .flatten()
                        .any(|entry| entry.file_name().to_string_lossy().starts_with("20"))
                })
            })
            .await;
        }
        _ => until("the file was uploaded", WAIT_LIMIT, async || uploaded().is_some()).await,
    }
    school.scratch.until_waiting(1).await;
    restore.interrupt();
    let restore = restore.finished().await;
    assert_eq!(restore.code, Some(130), "{restore:?}");
    let told: Value = serde_json::from_str(restore.stderr.lines().last().unwrap()).unwrap();
    let told = told["detail"].as_str().unwrap().to_owned();
    let_go(held).await;
    assert_eq!(school.scratch.everything().await, before);
    match uploaded() {
        None => assert_eq!(told, "interrupted. Nothing was changed"),
        Some(id) => {
            assert!(
                told.contains(&format!(
                    "stays as the archive {id}; `campus-backup delete {id}` removes it"
                )),
                "{told}"
            );
            let deleted = setup.again().arguments(&["delete", &id, "--yes"]).run().await;
            assert_eq!(deleted.code, Some(0), "{deleted:?}");
        }
    }
    assert_eq!(told.contains("stays"), engine != Engine::Sqlite, "{told}");
}
