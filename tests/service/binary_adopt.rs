//! `campus-backup adopt` looks at the database of another application, and nothing of that database changes.

use std::path::Path;
use std::process::Command;

use harness::fixture::{ReadingRole, adoptable};
use harness::service::{Finished, Setup};
use harness::{Engine, Scratch, on_every_engine, tool};
use sea_orm::sqlx::sqlite::SqliteJournalMode;

use crate::foreign_database::{assert_unchanged, contents, other_program};

fn adopt(url: &str) -> Setup {
    Setup::bare().set("DATABASE_URL", url).argument("adopt")
}

/// The mapping that `adopt` guesses, as a file that a person has read.
async fn reviewed_guess(url: &str, folder: &Path) -> String {
    let done = adopt(url).run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let file = folder.join("school.toml");
    std::fs::write(&file, done.stdout.replace("reviewed = false", "reviewed = true")).unwrap();
    file.to_str().unwrap().to_owned()
}

#[on_every_engine]
async fn guess_is_reported_and_fits(engine: Engine) {
    let (scratch, folder) = (adoptable(engine).await, tempfile::tempdir().unwrap());
    let done = adopt(scratch.url()).run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let (tables, rows) = match engine {
        Engine::Sqlite => (16, 739),
        Engine::Postgres => (18, 724),
        Engine::Mysql => (17, 742),
    };
    assert!(
        done.stderr.contains(&format!("{tables} tables with ")),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains(&format!(" and {rows} rows\n")), "{}", done.stderr);
    for expected in [
        "Without a key, so that rows can't be told apart:",
        "Reference by name only: receipt.pupil_no to pupil, broken by 1 row",
        "For reading only: order: triggers act on its changes",
        "No table of its own: 1 view: active_pupil",
        "can't serve or back it up yet",
    ] {
        assert!(done.stderr.contains(expected), "{expected}\n{}", done.stderr);
    }
    // On SQLite the numbers of fee items may be NULL, so they are no key.
    let by_stem = done
        .stderr
        .contains("Reference by name only: receipt.fee_item_id to fee_item, broken by 1 row");
    assert_eq!(by_stem, engine != Engine::Sqlite, "{}", done.stderr);
    for expected in [
        "reviewed = false",
        "[sheet.students]\ntable = \"pupil\"",
        "[sheet.payments]\ntable = \"receipt\"",
    ] {
        assert!(done.stdout.contains(expected), "{expected}\n{}", done.stdout);
    }
    let file = reviewed_guess(scratch.url(), folder.path()).await;
    let checked = adopt(scratch.url()).arguments(&["--check", &file]).run().await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    // The tables change, and the file still fits.
    scratch
        .execute("create table visitor (id int not null primary key)")
        .await;
    let checked = adopt(scratch.url())
        .arguments(&["--check", &file, "--quiet"])
        .run()
        .await;
    checked.assert_plain_fault(1);
    assert!(checked.stderr.contains("the tables have changed"), "{checked:?}");
}

#[on_every_engine]
async fn rows_that_belong_to_students_are_counted(engine: Engine) {
    let scratch = adoptable(engine).await;
    let done = adopt(scratch.url()).arguments(&["--explain", "students"]).run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let mut expected = Vec::new();
    for table in ["pupil", "mark", "order", "roll_call"] {
        // MySQL's roll call is partitioned, so it can't have a foreign key.
        if engine == Engine::Mysql && table == "roll_call" {
            continue;
        }
        let name = if engine == Engine::Mysql {
            "`order`"
        } else {
            "\"order\""
        };
        let count = scratch.count(if table == "order" { name } else { table }).await;
        expected.push(format!("{table}: {count} rows"));
    }
    let mut lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines[0], expected[0]);
    lines[1..].sort_unstable();
    assert_eq!(lines, expected);
    assert!(
        done.stderr.contains("guardian_link.pupil_no refers to pupil (refuses)"),
        "{done:?}"
    );
}

/// The conditions of a sheet, references that the mapping declares, and values for no row.
#[on_every_engine]
async fn mapping_decides_what_belongs(engine: Engine) {
    let (scratch, folder) = (adoptable(engine).await, tempfile::tempdir().unwrap());
    let file = folder.path().join("school.toml");
    let mapping = format!(
        "version = 1\nengine = \"{}\"\n\
         [[reference]]\nfrom = \"receipt.pupil_no\"\nto = \"pupil\"\nhow = \"belongs\"\n\
         [[reference]]\nfrom = \"mark.pupil_no\"\nto = \"pupil\"\nhow = \"mentions\"\n\
         [sheet.students]\ntable = \"pupil\"\nwhere = {{ status = \"left\" }}\ncolumns = []\n",
        engine.name()
    );
    std::fs::write(&file, mapping).unwrap();
    let setup = adopt(scratch.url()).arguments(&["--explain", "students", "--mapping", file.to_str().unwrap()]);
    let done = setup.run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let left = scratch.number("select count(*) from pupil where status = 'left'").await;
    let receipts = "select count(*) from receipt where pupil_no in (select pupil_no from pupil where status = 'left')";
    let receipts = scratch.number(receipts).await;
    assert!(left > 0 && receipts > 0);
    assert!(done.stdout.starts_with(&format!("pupil: {left} rows\n")), "{done:?}");
    assert!(done.stdout.contains(&format!("receipt: {receipts} rows\n")), "{done:?}");
    assert!(!done.stdout.contains("mark"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_mapping_is_refused_with_lines() {
    let (scratch, folder) = (adoptable(Engine::Sqlite).await, tempfile::tempdir().unwrap());
    let file = folder.path().join("school.toml");
    let file_name = file.to_str().unwrap();
    for (text, part) in [
        (
            "version = 1\nengine = \"sqlite\"\nhide = [\"pupil.secret\"]\n",
            "line 3: hide: the table `pupil` has no column `secret`",
        ),
        (
            "version = 1\nengine = \"sqlite\"\nsql = \"select 1\"\n",
            "line 3: unknown field `sql`",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let done = adopt(scratch.url())
            .arguments(&["--check", file_name, "--quiet"])
            .run()
            .await;
        done.assert_plain_fault(2);
        assert!(done.stderr.contains(part), "{done:?}");
    }
    std::fs::write(&file, "version = 1\nengine = \"sqlite\"\n").unwrap();
    let done = adopt(scratch.url())
        .arguments(&["--check", file_name, "--quiet"])
        .run()
        .await;
    done.assert_plain_fault(1);
    assert!(done.stderr.contains("`reviewed`"), "{done:?}");
    let done = adopt(scratch.url())
        .arguments(&["--explain", "students", "--mapping", file_name])
        .run()
        .await;
    done.assert_plain_fault(2);
    Setup::bare().argument("adopt").run().await.assert_plain_fault(2);
}

/// A role that may only read is enough for all of it, and the database's own tools find nothing changed.
#[on_every_engine]
async fn nothing_is_left_in_the_database(engine: Engine) {
    let (scratch, folder) = (adoptable(engine).await, tempfile::tempdir().unwrap());
    let Some(before) = dump(&scratch) else {
        return;
    };
    let role = ReadingRole::create(&scratch).await;
    let file = reviewed_guess(&role.url, folder.path()).await;
    let checked = adopt(&role.url).arguments(&["--check", &file]).run().await;
    // On PostgreSQL a policy hides pupils from the role.
    let hidden = engine == Engine::Postgres;
    assert_eq!(checked.code, Some(i32::from(hidden)), "{checked:?}");
    assert_eq!(checked.stderr.contains("a policy hides rows"), hidden, "{checked:?}");
    let courses = adopt(&role.url).arguments(&["--explain", "courses"]).run().await;
    assert_eq!(courses.code, Some(0), "{courses:?}");
    role.drop_role(&scratch).await;
    assert_eq!(dump(&scratch), Some(before.clone()));
    // Neither does a command that refuses the database.
    for command in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["migrate"],
        &["demo"],
        &["admin", "list"],
    ] {
        let setup = Setup::on(&scratch).arguments(command);
        let done: Finished = setup.run().await;
        done.assert_plain_fault(8);
        assert!(done.stderr.contains("`campus-backup adopt`"), "{done:?}");
    }
    assert_eq!(dump(&scratch), Some(before));
}

/// A file of an application that runs or has ended, in both journal modes. Not a byte changes, and no file appears.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_file_of_an_application_is_not_changed() {
    for mode in [SqliteJournalMode::Delete, SqliteJournalMode::Wal] {
        for is_running in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("notes.db");
            let program = other_program(&file, mode).await;
            if !is_running {
                program.close_by_ref().await.unwrap();
            }
            let before = contents(folder.path());
            let done = adopt(&format!("sqlite:{}", file.display())).run().await;
            assert_eq!(done.code, Some(0), "{mode:?}: {done:?}");
            assert!(done.stderr.contains("  notes: 1 row, key id"), "{mode:?}: {done:?}");
            assert_unchanged(&before, folder.path());
        }
    }
}

/// The whole database, as the engine's own tool writes it. None if the tool is not installed.
fn dump(scratch: &Scratch) -> Option<Vec<u8>> {
    let url = url::Url::parse(scratch.url()).unwrap();
    let mut command = match scratch.engine() {
        Engine::Sqlite => return Some(std::fs::read(scratch.folder().join("school.db")).unwrap()),
        Engine::Postgres => {
            let mut command = Command::new("pg_dump");
            command.args(["--no-privileges", "--dbname", scratch.url()]);
            command
        }
        Engine::Mysql => {
            let mut command = Command::new("mariadb-dump");
            let port = url.port().unwrap_or(3306).to_string();
            command.args([
                "--skip-dump-date",
                "--skip-comments",
                "--routines",
                "--events",
                "--hex-blob",
            ]);
            command.args([
                "--host",
                url.host_str().unwrap(),
                "--port",
                &port,
                "--user",
                url.username(),
            ]);
            command.args(url.password().map(|password| format!("--password={password}")));
            command.arg(scratch.name());
            command
        }
    };
    let program = command.get_program().to_str().unwrap().to_owned();
    tool::is_available(&program).then(|| {
        let text = String::from_utf8_lossy(&tool::run(&mut command).stdout).into_owned();
        // Newer versions of pg_dump write a random word.
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    })
}

/// PostgreSQL reads the rows of tables that inherit together with those of their parent, unless it is told not to.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_inheriting_tables_are_counted_once() {
    if !Engine::Postgres.is_available() {
        return;
    }
    let scratch = Scratch::empty(Engine::Postgres).await;
    for statement in [
        "create table people (id int primary key)",
        "create table teachers (subject text) inherits (people)",
        "insert into people values (1)",
        "insert into teachers values (2, 'x'), (3, 'y')",
    ] {
        scratch.execute(statement).await;
    }
    let done = adopt(scratch.url()).run().await;
    assert!(done.stderr.contains("2 tables with 3 columns and 3 rows"), "{done:?}");
    assert!(done.stderr.contains("  people: 1 row, key id"), "{done:?}");
}
