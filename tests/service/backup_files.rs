//! `campus-backup show`, `verify` and `extract` with a backup file: no service, no installation and no database.

use harness::service::{Finished, Setup};
use harness::{Engine, School, Service, TABLES, on_every_engine, small_school};

async fn run(folder: &Setup, arguments: &[&str]) -> Finished {
    folder.again().arguments(arguments).run().await
}

#[on_every_engine(nightly)]
async fn extracted_table_equals_the_live_download(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let bare = Setup::bare();
    let file = bare.folder().join("all.json");
    std::fs::write(&file, admin.get("/backup/download/all").await.expect(200).body).unwrap();

    let listed = run(&bare, &["show", "all.json"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    for table in TABLES {
        let line = format!("{:>12}  {table}", School::count(table));
        assert!(
            listed.stdout.lines().any(|listed| listed == line),
            "{line}: {}",
            listed.stdout
        );

        let live = admin.get(&format!("/backup/download/{table}")).await.expect(200).body;
        let output = format!("{table}.csv");
        let taken = run(&bare, &["extract", "all.json", table, "--output", &output]).await;
        assert_eq!(taken.code, Some(0), "{taken:?}");
        assert_eq!(std::fs::read(bare.folder().join(output)).unwrap(), &live[..], "{table}");
    }
    for command in ["show", "verify"] {
        let checked = run(&bare, &[command, "all.json", "--json"]).await;
        let checked: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
        assert_eq!(checked["summary"]["total"], 25);
    }
}

/// As for every other file with a secret.
#[tokio::test(flavor = "multi_thread")]
async fn identity_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let school = small_school(harness::Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let bare = Setup::bare();
    let all = service.admin().await.get("/backup/download/all").await.expect(200).body;
    std::fs::write(bare.folder().join("all.json"), &all).unwrap();
    let key = bare.folder().join("key.txt");
    std::fs::write(
        &key,
        "AGE-SECRET-KEY-1YLFNVQ8DN2JRK68XPU9HJSZCLAZLNNFSQ98509G70AL9GZDF2ECQFAU0FW\n",
    )
    .unwrap();
    for (mode, is_accepted) in [(0o644, false), (0o640, false), (0o600, true)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let listed = run(&bare, &["show", "all.json", "--identity", "key.txt"]).await;
        match is_accepted {
            true => assert_eq!(listed.code, Some(0), "{listed:?}"),
            false => {
                listed.assert_plain_fault(2);
                assert!(
                    listed
                        .stderr
                        .contains("--identity: `key.txt` is refused: others can read it"),
                    "{listed:?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_file_leaves_no_output() {
    let school = small_school(harness::Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let bare = Setup::bare();
    let all = service.admin().await.get("/backup/download/all").await.expect(200).body;
    let place = |name: &str, bytes: &[u8]| std::fs::write(bare.folder().join(name), bytes).unwrap();
    place("cut.json", &all[..all.len() - 20]);
    let mut flipped = all.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    place("flipped.json", &flipped);
    place("empty.json", b"");
    place("dump.sql", b"CREATE TABLE students (id INTEGER);\n");
    for name in ["cut.json", "flipped.json", "empty.json", "dump.sql"] {
        for arguments in [
            &["show", name][..],
            &["verify", name],
            &["extract", name, "students", "--output", "out.csv"],
        ] {
            let refused = run(&bare, arguments).await;
            refused.assert_plain_fault(6);
            assert!(refused.stdout.is_empty(), "{refused:?}");
            assert!(!bare.folder().join("out.csv").exists(), "{name}");
        }
    }
    place("all.json", &all);
    for arguments in [
        &["extract", "all.json", "teachers"][..],
        &["extract", "all.json", "students", "--format", "xlsx"],
        &["extract", "all.json", "students", "--timezone", "Mars/Olympus"],
        &["extract", "all.json", "students", "--output", "all.json"],
        &["show", "all.json", "--identity", "nowhere.txt"],
        &["verify", "all.json", "--test-restore"],
    ] {
        run(&bare, arguments).await.assert_plain_fault(2);
    }
    for command in ["show", "verify"] {
        run(&bare, &[command, "nowhere.json"]).await.assert_plain_fault(7);
    }
    let left: Vec<_> = std::fs::read_dir(bare.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 5, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_and_pipes_are_accepted() {
    let school = small_school(harness::Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let bare = Setup::bare();
    let all = service.admin().await.get("/backup/download/all").await.expect(200).body;
    for command in ["show", "verify"] {
        let done = bare.again().arguments(&[command, "-"]).run_with_input(&all).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        let done = bare
            .again()
            .arguments(&[command, "/dev/stdin"])
            .run_with_input(&all)
            .await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
}

/// A file can be read even if the settings of the service are wrong.
#[tokio::test(flavor = "multi_thread")]
async fn file_is_read_despite_wrong_settings() {
    let school = small_school(harness::Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let bare = Setup::bare();
    let all = service.admin().await.get("/backup/download/all").await.expect(200).body;
    std::fs::write(bare.folder().join("all.json"), &all).unwrap();
    for command in [
        &["show", "all.json"][..],
        &["verify", "all.json"],
        &["extract", "all.json", "students"],
    ] {
        let setup = bare.again().set("DATABASE_URL", "nonsense").arguments(command);
        let done = setup.run().await;
        assert_eq!(done.code, Some(0), "{command:?}: {done:?}");
    }
}
