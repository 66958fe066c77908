//! `campus-backup key` and `rekey`: the recovery sheet, the proof of a key, and archives that are encrypted again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::{Engine, School, on_every_engine, small_school, tool, write_private};

struct Line {
    school: School,
    setup: Setup,
}

impl Line {
    async fn of_the_small_school(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch).installed().await;
        Self { school, setup }
    }

    /// The same with a setting.
    fn with(&self, variable: &str, value: impl ToString) -> Setup {
        self.setup.again().set(variable, value)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.setup.folder().join(name)
    }

    fn archive(&self, id: &str) -> PathBuf {
        self.path("data/archives").join(id)
    }

    fn manifest(&self, id: &str) -> Value {
        let json = std::fs::read(self.archive(id).join("manifest.json")).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    /// Makes a key, and returns its public key and its sheet.
    async fn generate(&self, file: &str) -> (String, String) {
        let sheet = done(&self.setup, &["key", "generate", "--output", file]).await;
        let line = sheet.lines().find(|line| line.starts_with("Public key")).unwrap();
        (line.split_whitespace().last().unwrap().to_owned(), sheet)
    }
}

async fn run(setup: &Setup, arguments: &[&str]) -> Finished {
    setup.again().arguments(arguments).run().await
}

/// Of a command that must succeed, and has nothing to say beside its output.
async fn done(setup: &Setup, arguments: &[&str]) -> String {
    let done = run(setup, arguments).await;
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (Some(0), ""),
        "{arguments:?}: {done:?}"
    );
    done.stdout
}

async fn json_of(setup: &Setup, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&done(setup, &arguments).await).unwrap()
}

async fn backup(setup: &Setup) -> String {
    json_of(setup, &["backup"]).await["id"].as_str().unwrap().to_owned()
}

/// The commands of a sheet that begin with this word.
fn commands<'s>(sheet: &'s str, program: &str) -> Vec<&'s str> {
    let indented = sheet.lines().filter_map(|line| line.strip_prefix("    "));
    indented.filter(|line| line.starts_with(program)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_made_once_and_only_for_its_owner() {
    let setup = Setup::bare();
    let sheet = done(&setup, &["key", "generate"]).await;
    let path = setup.folder().join("archive-key.txt");
    let key = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    assert!(!sheet.contains(secret), "the sheet is printed on paper");
    let public = key
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    let fingerprint = key
        .lines()
        .find_map(|line| line.strip_prefix("# fingerprint: "))
        .unwrap();
    assert!(sheet.contains(public) && sheet.contains(fingerprint), "{sheet}");

    let again = run(&setup, &["key", "generate"]).await;
    again.assert_plain_fault(2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), key, "it is not overwritten");
    // A sheet that can't be written leaves no key.
    std::fs::write(setup.folder().join("sheet.txt"), "").unwrap();
    let refused = run(
        &setup,
        &["key", "generate", "--output", "other.txt", "--sheet", "sheet.txt"],
    )
    .await;
    refused.assert_plain_fault(2);
    assert!(!setup.folder().join("other.txt").exists());
    let printed = done(
        &setup,
        &["key", "generate", "--output", "a key.txt", "--sheet", "paper.txt"],
    )
    .await;
    assert_eq!(printed, "");
    let paper = std::fs::read_to_string(setup.folder().join("paper.txt")).unwrap();
    assert!(paper.contains("--identity 'a key.txt' "), "{paper}");
}

/// The commands of the sheet, as they are printed, give the data back.
#[on_every_engine]
async fn recovery_sheet_opens_an_archive_with_public_tools_alone(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    std::fs::create_dir(line.path("keys")).unwrap();
    let (public, sheet) = line.generate("keys/school-key.txt").await;
    assert!(
        !sheet.contains("keys/"),
        "the folder is another one on another machine: {sheet}"
    );
    let service = line.with("CAMPUS_BACKUP_ARCHIVE_RECIPIENTS", &public);
    let id = backup(&service).await;
    let manifest = line.manifest(&id);

    // On another machine, with the two files alone.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = |from: PathBuf| {
        let name = from.file_name().unwrap().to_owned();
        std::fs::copy(&from, elsewhere.path().join(name)).unwrap();
    };
    copy(line.path("keys/school-key.txt"));
    let [chmod] = commands(&sheet, "chmod ").try_into().unwrap();
    tool::run(Command::new("sh").args(["-ec", chmod]).current_dir(elsewhere.path()));
    let words = |command: &str| {
        command
            .split(' ')
            .skip(1)
            .map(|word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let [download, check, restore] = commands(&sheet, "campus-backup ").try_into().unwrap();
    let download = words(&download.replace(" ID ", &format!(" {id} ")));
    done(&service, &download.iter().map(String::as_str).collect::<Vec<_>>()).await;
    copy(line.path("archive.json.zst.age"));
    let [command] = commands(&sheet, "age ").try_into().unwrap();
    if tool::is_available("age") && tool::is_available("zstd") {
        tool::run(Command::new("sh").args(["-ec", command]).current_dir(elsewhere.path()));
        let opened = std::fs::read(elsewhere.path().join("backup.json")).unwrap();
        let document: Value = serde_json::from_slice(&opened).unwrap();
        assert_eq!(document["summary"]["sha256"], manifest["sha256"]);
        assert_eq!(document["summary"]["rows"], manifest["rows"]);
        let students = document["tables"]["students"].as_array().unwrap();
        assert_eq!(students.len(), School::count("students"));
    }

    // The commands of campus-backup work in such a folder, too.
    let bare = Setup::bare();
    for name in ["archive.json.zst.age", "school-key.txt"] {
        std::fs::copy(elsewhere.path().join(name), bare.folder().join(name)).unwrap();
    }
    let check = words(check);
    let said = done(&bare, &check.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(said.contains("the key opens it"), "{said}");
    for name in ["archive.json.zst.age", "school-key.txt"] {
        if !line.path(name).exists() {
            std::fs::copy(elsewhere.path().join(name), line.path(name)).unwrap();
        }
    }
    let restore = words(restore);
    let plan: Vec<_> = restore.iter().map(String::as_str).chain(["--dry-run"]).collect();
    done(&service, &plan).await;
}

#[on_every_engine]
async fn key_is_proven_and_listed(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    let (public, _) = line.generate("key.txt").await;
    let (other, _) = line.generate("other.txt").await;
    let plain = backup(&line.setup).await;
    let service = line.with("CAMPUS_BACKUP_ARCHIVE_RECIPIENTS", format!("{public},{other}"));
    let id = backup(&service).await;
    let file = line.archive(&id).join("archive.json.zst.age");
    let file = file.to_str().unwrap();
    for archive in [id.as_str(), file] {
        for key in ["key.txt", "other.txt"] {
            let checked = json_of(&service, &["key", "check", archive, "--identity", key]).await;
            assert_eq!(
                (&checked["opens"], &checked["archive"]),
                (&json!(true), &json!(archive))
            );
        }
    }
    line.generate("stranger.txt").await;
    for archive in [id.as_str(), file, plain.as_str()] {
        let refused = run(&service, &["key", "check", archive, "--identity", "stranger.txt"]).await;
        refused.assert_plain_fault(6);
    }
    run(&service, &["key", "check", &id]).await.assert_plain_fault(2);
    // Damage is found, because the whole archive is read.
    harness::s3::damage(Path::new(file));
    run(&service, &["key", "check", &id, "--identity", "key.txt"])
        .await
        .assert_plain_fault(6);

    let listed = json_of(&service, &["key", "list"]).await;
    assert_eq!(listed["mode"], "recipients");
    let fingerprints: Vec<_> = listed["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["fingerprint"])
        .collect();
    assert_eq!(fingerprints.len(), 2);
    let of_archive = |id: &str| {
        let archives = listed["archives"].as_array().unwrap();
        archives.iter().find(|archive| archive["id"] == id).unwrap().clone()
    };
    assert_eq!(of_archive(&id)["recipients"], json!(fingerprints));
    assert_eq!(of_archive(&plain)["recipients"], json!([]));
    let text = done(&service, &["key", "list"]).await;
    assert!(
        text.contains("public keys alone") && text.contains("not encrypted"),
        "{text}"
    );
    assert_eq!(json_of(&line.setup, &["key", "list"]).await["mode"], "none");
}

#[on_every_engine]
async fn commands_take_the_identity(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    let (public, _) = line.generate("key.txt").await;
    let service = line.with("CAMPUS_BACKUP_ARCHIVE_RECIPIENTS", &public);
    let id = backup(&service).await;
    let identity = ["--identity", "key.txt"];
    for command in [
        &["verify", &id][..],
        &["extract", &id, "students"],
        &["diff", &id],
        &["restore", &id, "--mode", "replace", "--dry-run"],
    ] {
        run(&service, command).await.assert_plain_fault(6);
        done(&service, &[command, &identity].concat()).await;
    }
    let before = line.school.scratch.everything().await;
    let preview = done(&service, &["clear", "attendance", "--dry-run"]).await;
    assert!(
        preview.contains("the secret key of the backups will be needed"),
        "{preview}"
    );
    let cleared = json_of(&service, &["clear", "attendance", "--yes"]).await;
    assert_eq!(cleared["undo_needs_identity"], true);
    let clear = cleared["id"].as_str().unwrap();
    run(&service, &["undo", clear]).await.assert_plain_fault(6);
    done(&service, &["undo", clear, "--identity", "key.txt"]).await;
    assert_eq!(line.school.scratch.everything().await, before);
}

#[on_every_engine]
async fn archives_are_rekeyed_one_after_another(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    let (_, _) = line.generate("former.txt").await;
    let (public, _) = line.generate("next.txt").await;
    let former = line.with("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", line.path("former.txt").display());
    let ids = [backup(&former).await, backup(&line.setup).await];
    done(&former, &["protect", &ids[0]]).await;
    let next = line.with("CAMPUS_BACKUP_ARCHIVE_RECIPIENTS", &public);

    // Without the key that opens them, one fails, and the other is encrypted for the first time.
    let refused = run(&next, &["rekey", &ids[0], &ids[1], "--json"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let answer: Value = serde_json::from_str(&refused.stdout).unwrap();
    let results: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["result"])
        .collect();
    assert_eq!(results, ["failed", "encrypted"], "{answer}");
    done(&next, &["key", "check", &ids[1], "--identity", "next.txt"]).await;
    done(&next, &["key", "check", &ids[0], "--identity", "former.txt"]).await;

    let lines = done(&next, &["rekey", "--all", "--identity", "former.txt"]).await;
    assert!(
        lines.contains(&format!("{}  encrypted with the current keys", ids[0])),
        "{lines}"
    );
    assert!(
        lines.contains(&format!("{}  encrypted to the current keys already", ids[1])),
        "{lines}"
    );
    for id in &ids {
        done(&next, &["key", "check", id, "--identity", "next.txt"]).await;
        run(&next, &["key", "check", id, "--identity", "former.txt"])
            .await
            .assert_plain_fault(6);
        let manifest = line.manifest(id);
        let name = format!("archive-{}.json.zst.age", manifest["file_number"]);
        assert!(line.archive(id).join(name).exists(), "{manifest}");
        assert_eq!(
            std::fs::read_dir(line.archive(id)).unwrap().count(),
            2,
            "the file and the manifest"
        );
    }
    assert_eq!(line.manifest(&ids[0])["protected"], true);
    let again = json_of(&next, &["rekey", "--all"]).await;
    let is_current = |item: &Value| item["result"] == "current";
    assert!(again["items"].as_array().unwrap().iter().all(is_current), "{again}");

    // Requests that can never succeed.
    run(&next, &["rekey"]).await.assert_plain_fault(2);
    let missing = run(&next, &["rekey", "2026-01-01T00-00-00Z-00000001"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    // Settings that encrypt nothing make no archive current.
    for command in [&["rekey", &ids[0]][..], &["rekey", "--all"]] {
        run(&line.setup, command).await.assert_plain_fault(2);
    }
    write_private(&line.path("empty.txt"), "");
    run(&next, &["rekey", "--all", "--identity", "empty.txt"])
        .await
        .assert_plain_fault(2);
}
