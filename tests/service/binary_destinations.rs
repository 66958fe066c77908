//! `campus-backup destination`: destinations without the service.

use std::path::PathBuf;

use serde_json::{Value, json};

use harness::s3::{S3, S3_KEY, S3_SECRET};
use harness::service::{Finished, Setup};
use harness::{Engine, School, on_every_engine, small_school, write_private};

struct Line {
    _school: School,
    s3: S3,
    setup: Setup,
    folder: PathBuf,
}

impl Line {
    async fn of_the_small_school(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch);
        let folder = setup.folder().join("destinations");
        std::fs::create_dir(&folder).unwrap();
        let setup = setup
            .set("CAMPUS_BACKUP_DESTINATION_FOLDERS", folder.display())
            .set("CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS", "true")
            .installed()
            .await;
        write_private(&setup.folder().join("secret.txt"), &format!("{S3_SECRET}\n"));
        Self {
            _school: school,
            s3: S3::start().await,
            setup,
            folder,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Finished {
        let setup = self.setup.again().argument("destination");
        setup.arguments(arguments).run().await
    }

    /// Of a command that must succeed, and has nothing to say beside its output.
    async fn done(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(
            (done.code, done.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}: {done:?}"
        );
        done.stdout
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.done(&arguments).await).unwrap()
    }

    fn file(&self, name: &str) -> String {
        format!("file:{}", self.folder.join(name).display())
    }
}

#[on_every_engine]
async fn destination_is_added_shown_tried_edited_and_deleted(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    assert_eq!(line.json(&["list"]).await, json!({"items": []}));
    let nas = line.file("nas");
    let added = line.done(&["add", "nas", &nas]).await;
    assert!(
        added.contains(&format!("nas  {nas}  no copies  nothing copied yet")),
        "{added}"
    );
    let endpoint = line.s3.endpoint();
    let bucket = [
        "add",
        "off-site",
        "s3://school/copies",
        "--endpoint",
        &endpoint,
        "--access-key-id",
        S3_KEY,
        "--secret-file",
        "secret.txt",
    ];
    let bucket = line.json(&bucket).await;
    assert_eq!(
        (&bucket["has_secret"], &bucket["deletes"], &bucket["created_by"]),
        (&json!(true), &json!(true), &json!("admin"))
    );
    assert_eq!(line.json(&["show", "off-site"]).await, bucket);
    assert_eq!(line.json(&["list"]).await["items"].as_array().unwrap().len(), 2);
    let tried = line.done(&["test", "off-site"]).await;
    assert!(tried.contains("could be written, read, listed and deleted"), "{tried}");
    let edited = line
        .json(&["edit", "off-site", "--name", "vault", "--keep-deleted", "--disable"])
        .await;
    assert_eq!(
        (&edited["name"], &edited["deletes"], &edited["enabled"]),
        (&json!("vault"), &json!(false), &json!(false))
    );
    let shown = line.done(&["show", "vault"]).await;
    assert!(shown.contains("copies stay when their archive is deleted"), "{shown}");
    assert!(!shown.contains(S3_SECRET), "{shown}");
    let deleted = line.json(&["delete", "vault", "--yes"]).await;
    assert_eq!(deleted, json!({"id": bucket["id"], "deleted": true}));
    assert_eq!(line.json(&["list"]).await["items"].as_array().unwrap().len(), 1);
}

#[on_every_engine(nightly)]
async fn faults_have_exit_codes_and_change_nothing(engine: Engine) {
    let line = Line::of_the_small_school(engine).await;
    let (nas, other) = (line.file("nas"), line.file("other"));
    line.done(&["add", "nas", &nas]).await;
    let before = line.json(&["list"]).await;
    let endpoint = line.s3.endpoint();
    write_private(&line.setup.folder().join("wrong.txt"), "wrong\n");
    let wrong = [
        "add",
        "x",
        "s3://school/copies",
        "--endpoint",
        &endpoint,
        "--access-key-id",
        S3_KEY,
        "--secret-file",
        "wrong.txt",
    ];
    for (arguments, code) in [
        (&["add", "x"][..], 2),
        (&["add", "x", "file:/etc/campus"], 2),
        (&["add", "x", &nas], 2),
        (&["add", "x", &other, "--region", "a"], 2),
        (&["add", "nas", &other], 7),
        (&["add", "x", &other, "--as", "teacher"], 1),
        (&wrong, 1),
        (&["edit", "nas", "--enable", "--disable"], 2),
        (&["edit", "other", "--disable"], 7),
        (&["show", "other"], 7),
        (&["test", "other"], 7),
        (&["delete", "nas"], 2),
    ] {
        let refused = line.run(arguments).await;
        refused.assert_plain_fault(code);
        assert_eq!(refused.stdout, "", "{arguments:?}");
    }
    assert_eq!(line.json(&["list"]).await, before);
    let saved = line.done(&[&wrong[..], &["--force"]].concat()).await;
    assert!(saved.contains("s3://school/copies"), "{saved}");
    let refused = line.run(&["test", "x"]).await;
    refused.assert_plain_fault(1);
    assert!(
        refused.stderr.contains("does not accept the credentials"),
        "{refused:?}"
    );
}
