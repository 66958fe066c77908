//! The output of commands: an empty standard error on success, failures as JSON, no control characters, closed pipes,
//! help and completions.

use std::process::Command;

use serde_json::{Value, json};

use harness::service::{Setup, program};
use harness::{Engine, School, on_every_engine, small_school, tool};

struct OutputFixture {
    school: School,
    setup: Setup,
    id: String,
}

impl OutputFixture {
    /// The small school with a backup.
    async fn with_backup(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch).installed().await;
        let taken = setup.again().arguments(&["backup", "--json"]).run().await;
        assert_eq!((taken.code, taken.stderr.as_str()), (Some(0), ""), "{taken:?}");
        let taken: Value = serde_json::from_str(&taken.stdout).unwrap();
        let id = taken["id"].as_str().unwrap().to_owned();
        Self { school, setup, id }
    }
}

#[on_every_engine(nightly)]
async fn standard_error_is_empty_on_success(engine: Engine) {
    let line = OutputFixture::with_backup(engine).await;
    let id = line.id.as_str();
    let asked_for = [
        &["list"][..],
        &["show", id],
        &["diff", id],
        &["diff", id, "live", "--csv"],
        &["extract", id, "students"],
        &["token", "admin"],
        &["restore", id, "--mode", "merge", "--dry-run"],
    ];
    let done = [
        &["backup"][..],
        &["verify", id],
        &["protect", id, "--off"],
        &["restore", id, "--mode", "merge", "--yes"],
        &["extract", id, "students", "--output", "students.csv"],
        &["migrate"],
    ];
    let commands = asked_for.map(|command| (command, true)).into_iter();
    for (command, is_asked_for) in commands.chain(done.map(|command| (command, false))) {
        let quiet = line.setup.again().arguments(command).argument("--quiet").run().await;
        assert_eq!(
            (quiet.code, quiet.stderr.as_str()),
            (Some(0), ""),
            "{command:?}: {quiet:?}"
        );
        assert_eq!(!quiet.stdout.is_empty(), is_asked_for, "{command:?}: {quiet:?}");
        if !command.contains(&"students.csv") {
            let usual = line.setup.again().arguments(command).run().await;
            assert_eq!(
                (usual.code, usual.stderr.as_str()),
                (Some(0), ""),
                "{command:?}: {usual:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_json_with_the_option_json() {
    let line = OutputFixture::with_backup(Engine::Sqlite).await;
    let elsewhere = Setup::bare();
    std::fs::write(
        line.setup.folder().join("dump.sql"),
        "CREATE TABLE students (id INTEGER);\n",
    )
    .unwrap();
    for (setup, arguments, code, exit_code) in [
        (&line.setup, &["show", "nothing"][..], "unknown_archive", 7),
        (
            &line.setup,
            &["clear", "students", "--yes", "--expected-rows", "1"],
            "row_count_changed",
            7,
        ),
        (&line.setup, &["backup", "--label", ""], "invalid_field", 2),
        (
            &line.setup,
            &["restore", "dump.sql", "--mode", "replace", "--yes"],
            "not_an_archive",
            6,
        ),
        (&line.setup, &["verify", "dump.sql"], "not_an_archive", 6),
        (&line.setup, &["clear", "students"], "invalid_settings", 2),
        (&line.setup, &["backup", "--nonsense"], "invalid_settings", 2),
        (&elsewhere, &["list"], "invalid_settings", 2),
    ] {
        let failed = setup.again().arguments(arguments).argument("--json").run().await;
        assert_eq!(
            (failed.code, failed.stdout.as_str()),
            (Some(exit_code), ""),
            "{arguments:?}: {failed:?}"
        );
        assert_eq!(failed.stderr.lines().count(), 1, "{failed:?}");
        let problem: Value = serde_json::from_str(&failed.stderr).unwrap();
        assert_eq!(
            (&problem["code"], &problem["exit_code"]),
            (&json!(code), &json!(exit_code)),
            "{problem}"
        );
        assert_eq!(problem["type"], format!("urn:campus-backup:problem:{code}"));
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty(), "{problem}");
        }
    }
    let moved = line
        .setup
        .again()
        .arguments(&["clear", "students", "--yes", "--expected-rows", "1", "--json"]);
    let problem: Value = serde_json::from_str(&moved.run().await.stderr).unwrap();
    assert_eq!(
        problem["errors"][0],
        json!({"field": "total", "detail": "expected 1 row, found 14"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_standard_output_is_not_an_error() {
    let line = OutputFixture::with_backup(Engine::Sqlite).await;
    let id = line.id.as_str();
    line.school.scratch.execute("delete from attendance").await;
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", id],
        &["extract", id, "students"],
        &["diff", id, "live", "--csv"],
        &["download", "students", "--output", "-"],
        &["openapi"],
        &["completions", "bash"],
        &["backup"],
    ] {
        let ended = line.setup.again().arguments(arguments).run_without_reader().await;
        // A shell reports this code for a program that SIGPIPE has ended.
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(141), ""),
            "{arguments:?}: {ended:?}"
        );
    }
}

/// Any program may have written the file beside an archive.
#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_reaches_a_terminal() {
    const HOSTILE: &str = "x\u{1b}[2J\u{9b}31m\u{7f}\r\u{202e}y";
    let line = OutputFixture::with_backup(Engine::Sqlite).await;
    let id = line.id.as_str();
    let manifest = line.setup.folder().join("data/archives").join(id).join("manifest.json");
    let original: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    let is_control = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
    let mut shown = 0;
    for member in ["label", "note", "created_by", "engine", "app_version", "kind", "id"] {
        let mut changed = original.clone();
        changed[member] = json!(HOSTILE);
        std::fs::write(&manifest, changed.to_string()).unwrap();
        for arguments in [
            &["list"][..],
            &["list", "--json"],
            &["show", id],
            &["show", id, "--json"],
            &["protect", id],
            &["diff", id],
            &["delete", "x\u{1b}[2J", "--yes"],
            &["restore", id, "--mode", "replace", "--dry-run"],
        ] {
            let done = line.setup.again().arguments(arguments).run().await;
            let said = format!("{}{}", done.stdout, done.stderr);
            assert!(!said.contains(is_control), "{member} {arguments:?}: {done:?}");
            shown += usize::from(said.contains("\\u{1b}") || said.contains("\\u001b"));
        }
    }
    assert!(shown > 8, "{shown} of them are shown, as numbers");
    std::fs::write(&manifest, original.to_string()).unwrap();
    // Account names, and all other texts of the database.
    let rename = format!("update users set role = 'admin', username = '{HOSTILE}' where id = 2");
    line.school.scratch.execute(&rename).await;
    for arguments in [
        &["restore", id, "--mode", "replace", "--dry-run"][..],
        &["restore", id, "--mode", "replace", "--yes"],
    ] {
        let done = line.setup.again().arguments(arguments).run().await;
        assert!(
            !format!("{}{}", done.stdout, done.stderr).contains(is_control),
            "{done:?}"
        );
    }
}

/// `script` gives the command a terminal.
#[tokio::test(flavor = "multi_thread")]
async fn terminal_output_has_no_control_characters_and_optional_colour() {
    if !tool::is_available("script") {
        return;
    }
    let line = OutputFixture::with_backup(Engine::Sqlite).await;
    line.school
        .scratch
        .execute("update students set address = 'x' || char(27) || '[2Jy' where id = 1")
        .await;
    let on_terminal = |command: &str, colours: &str| {
        let command = format!("{} {command}", program().display());
        let mut script = Command::new("script");
        script
            .args(["-qec", &command, "/dev/null"])
            .current_dir(line.setup.folder());
        script
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TERM", "xterm");
        script.env("DATABASE_URL", line.school.scratch.url());
        if !colours.is_empty() {
            script.env("NO_COLOR", colours);
        }
        String::from_utf8(tool::run(&mut script).stdout).unwrap()
    };
    let table = on_terminal("download students --output -", "");
    assert!(table.contains("x\\u{1b}[2Jy") && !table.contains('\u{1b}'), "{table:?}");
    let is_coloured = |said: &str| said.contains("\u{1b}[2m") || said.contains("\u{1b}[32m");
    assert!(is_coloured(&on_terminal("migrate --log trace", "")));
    let plain = on_terminal("migrate --log trace", "1");
    assert!(plain.contains("TRACE") && !is_coloured(&plain), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_shows_own_options_first_and_examples() {
    for (command, own) in [
        ("backup", "--label"),
        ("restore", "--mode"),
        ("clear", "--dry-run"),
        ("delete", "--force"),
        ("protect", "--off"),
        ("accept", "--as"),
        ("certificate", "--public-key"),
        ("upload", "--protected"),
        ("download", "--delimiter"),
        ("extract", "--names"),
        ("diff", "--csv"),
        ("verify", "--test-restore"),
        ("list", "--json"),
        ("undo", "--as"),
        ("demo", "--scale"),
        ("health", "--store"),
        ("token", "--lifetime"),
    ] {
        let help = Setup::bare().arguments(&[command, "--help"]).run().await.stdout;
        let at = |text: &str| {
            help.find(text)
                .unwrap_or_else(|| panic!("{command}: {text} is not in {help}"))
        };
        assert!(at(own) < at("Database, data folder, archives, log:"), "{help}");
        assert!(
            at("Database, data folder, archives, log:") < at("--database-url"),
            "{help}"
        );
        assert!(at("--quiet") < at("--database-url"), "{help}");
        assert!(
            help[at("Examples:")..].contains(&format!("campus-backup {command}")),
            "{help}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_have_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Setup::bare().arguments(&["completions", shell]).run().await;
        assert_eq!((script.code, script.stderr.as_str()), (Some(0), ""), "{script:?}");
        for word in ["restore", "protect", "completions", "dry-run"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
    }
    Setup::bare()
        .arguments(&["completions", "cmd"])
        .run()
        .await
        .assert_plain_fault(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrator_of_the_settings_is_the_actor() {
    let line = OutputFixture::with_backup(Engine::Sqlite).await;
    line.school
        .scratch
        .execute("update users set username = 'head' where id = 1")
        .await;
    line.setup.again().argument("backup").run().await.assert_plain_fault(2);
    let as_head = line.setup.again().set("CAMPUS_BACKUP_ADMIN_USERNAME", "head");
    let taken = as_head.again().arguments(&["backup", "--json"]).run().await;
    let taken: Value = serde_json::from_str(&taken.stdout).unwrap();
    assert_eq!(taken["created_by"], "head");
    as_head
        .again()
        .arguments(&["backup", "--as", "unknown"])
        .run()
        .await
        .assert_plain_fault(2);
}
