//! `campus-backup open`: an archive file, with no service and no database.

use harness::service::{Finished, Setup};
use harness::{Engine, School, Service, TABLES, on_every_engine, small_school};

async fn open(folder: &Setup, arguments: &[&str]) -> Finished {
    folder.again().argument("open").arguments(arguments).run().await
}

#[on_every_engine(nightly)]
async fn a_table_comes_out_of_an_archive_as_it_was_downloaded(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let bare = Setup::bare();
    let file = bare.folder().join("all.json");
    std::fs::write(&file, admin.get("/backup/download/all").await.expect(200).body).unwrap();

    let listed = open(&bare, &["list", "all.json"]).await;
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
        let taken = open(&bare, &["extract", "all.json", table, "--output", &output]).await;
        assert_eq!(taken.code, Some(0), "{taken:?}");
        assert_eq!(std::fs::read(bare.folder().join(output)).unwrap(), &live[..], "{table}");
    }
    let verified = open(&bare, &["verify", "all.json", "--json"]).await;
    let verified: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(verified["summary"]["total"], 25);
}

/// As every other file with a secret.
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
        let listed = open(&bare, &["list", "all.json", "--identity", "key.txt"]).await;
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
async fn what_is_refused_leaves_nothing() {
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
            &["list", name][..],
            &["verify", name],
            &["extract", name, "students", "--output", "out.csv"],
        ] {
            let refused = open(&bare, arguments).await;
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
        &["list", "nowhere.json"],
        &["list", "all.json", "--identity", "nowhere.txt"],
    ] {
        open(&bare, arguments).await.assert_plain_fault(2);
    }
    let left: Vec<_> = std::fs::read_dir(bare.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 5, "{left:?}");
}
