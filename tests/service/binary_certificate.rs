//! `campus-backup certificate` and `verify --certificate`: the second needs no installation.

use serde_json::{Value, json};

use harness::service::{Finished, Setup};
use harness::{Engine, School, on_every_engine, small_school};

struct CertificateFixture {
    _school: School,
    setup: Setup,
    /// The id of the archive.
    id: String,
    /// The public key, and its fingerprint.
    key: Value,
}

impl CertificateFixture {
    /// An archive, its certificate in `certificate.json` and its file in `backup.json.zst`.
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let setup = Setup::on(&school.scratch).installed().await;
        let run = async |arguments: &[&str]| {
            let done = setup.again().arguments(arguments).run().await;
            assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
            done.stdout
        };
        let created: Value = serde_json::from_str(&run(&["backup", "--json"]).await).unwrap();
        let id = created["id"].as_str().unwrap().to_owned();
        run(&["certificate", &id, "--output", "certificate.json"]).await;
        run(&["download", &id, "--output", "backup.json.zst"]).await;
        let key = serde_json::from_str(&run(&["certificate", "--public-key", "--json"]).await).unwrap();
        Self {
            _school: school,
            setup,
            id,
            key,
        }
    }

    fn key(&self) -> &str {
        self.key["public_key"].as_str().unwrap()
    }

    /// Runs `verify` on a machine that has only the certificate and the file.
    async fn elsewhere(&self, arguments: &[&str]) -> Finished {
        let elsewhere = Setup::bare();
        for name in ["certificate.json", "backup.json.zst"] {
            std::fs::copy(self.setup.folder().join(name), elsewhere.folder().join(name)).unwrap();
        }
        let done = elsewhere.again().argument("verify").arguments(arguments).run().await;
        assert_eq!(
            std::fs::read_dir(elsewhere.folder()).unwrap().count(),
            2,
            "nothing was created"
        );
        done
    }
}

#[on_every_engine]
async fn certificate_is_verified_without_an_installation(engine: Engine) {
    let fixture = CertificateFixture::on(engine).await;
    let key_id = fixture.key["key_id"].as_str().unwrap();
    for key in [fixture.key(), key_id] {
        let arguments = [
            "--certificate",
            "certificate.json",
            "--public-key",
            key,
            "backup.json.zst",
            "--json",
        ];
        let done = fixture.elsewhere(&arguments).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        let report: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(
            (
                &report["archive_id"],
                &report["is_trusted"],
                &report["is_archive_compared"]
            ),
            (&json!(fixture.id), &json!(true), &json!(true))
        );
        assert_eq!(
            (&report["key_id"], &report["status"]),
            (&json!(key_id), &json!("checked_when_stored"))
        );
    }
    let done = fixture.elsewhere(&["--certificate", "certificate.json"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    for part in [
        fixture.id.as_str(),
        key_id,
        "no key was given with --public-key",
        "It was not verified since.",
    ] {
        assert!(done.stdout.contains(part), "{part} in {done:?}");
    }
    let done = fixture
        .elsewhere(&[
            "--certificate",
            "certificate.json",
            "--public-key",
            fixture.key(),
            "backup.json.zst",
        ])
        .await;
    assert!(
        done.stdout.contains("the key of --public-key signed it") && done.stdout.contains("byte for byte"),
        "{done:?}"
    );
}

#[on_every_engine(nightly)]
async fn wrong_keys_changes_and_other_bytes_are_refused(engine: Engine) {
    let fixture = CertificateFixture::on(engine).await;
    let certificate = ["--certificate", "certificate.json"];
    let other = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    for (arguments, code, said) in [
        (vec!["--public-key", other], 6, "another key signed the certificate"),
        (vec!["--public-key", "x"], 2, "--public-key"),
        (vec!["certificate.json"], 6, "not the certified archive"),
        (vec!["nowhere.json"], 7, "neither the id of an archive nor a file"),
    ] {
        let arguments = [&certificate[..], &arguments].concat();
        let done = fixture.elsewhere(&arguments).await;
        done.assert_plain_fault(code);
        assert!(done.stderr.contains(said), "{said} in {done:?}");
    }
    for arguments in [
        &["--certificate", "nowhere.json"][..],
        &["--certificate", "certificate.json", "--test-restore", "backup.json.zst"],
        &["--public-key", other, "backup.json.zst"],
        &[],
    ] {
        assert_eq!(fixture.elsewhere(arguments).await.code, Some(2), "{arguments:?}");
    }
    let done = fixture.elsewhere(&["--certificate", "backup.json.zst", "--json"]).await;
    done.assert_plain_fault(6);
    let problem: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(
        (&problem["code"], &problem["exit_code"]),
        (&json!("not_a_certificate"), &json!(6))
    );

    let file = fixture.setup.folder().join("certificate.json");
    let whole = std::fs::read_to_string(&file).unwrap();
    let changed = whole.replace("\"total_rows\": 25", "\"total_rows\": 26");
    assert_ne!(changed, whole);
    std::fs::write(&file, changed).unwrap();
    let done = fixture.elsewhere(&certificate).await;
    done.assert_plain_fault(6);
    assert!(done.stderr.contains("The certificate was changed"), "{done:?}");
}

/// The standard input may be the certificate, and the archive may be a stored one.
#[on_every_engine(nightly)]
async fn stored_archive_is_compared_with_its_certificate(engine: Engine) {
    let fixture = CertificateFixture::on(engine).await;
    let folder = fixture.setup.folder();
    let certificate = std::fs::read(folder.join("certificate.json")).unwrap();
    let verify = fixture
        .setup
        .again()
        .arguments(&["verify", "--certificate", "-", &fixture.id]);
    let done = verify.run_with_input(&certificate).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("byte for byte"), "{done:?}");
    let stored = folder.join("data/archives").join(&fixture.id).join("archive.json.zst");
    let mut bytes = std::fs::read(&stored).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&stored, bytes).unwrap();
    let done = verify.run_with_input(&certificate).await;
    done.assert_plain_fault(6);
    assert!(done.stderr.contains("the digest of its bytes"), "{done:?}");
    let both = fixture.setup.again().arguments(&["verify", "--certificate", "-", "-"]);
    both.run_with_input(&certificate).await.assert_plain_fault(2);
}

#[on_every_engine(nightly)]
async fn certificate_is_printed_as_a_page_and_never_overwrites_a_file(engine: Engine) {
    let fixture = CertificateFixture::on(engine).await;
    let id = fixture.id.as_str();
    let run = async |arguments: &[&str]| {
        let command = fixture.setup.again().argument("certificate").arguments(arguments);
        command.run().await
    };
    let page = run(&[id, "--format", "html", "--timezone", "Europe/Berlin"]).await;
    assert!(
        page.stdout.starts_with("<!doctype html>") && page.stdout.contains("Europe/Berlin"),
        "{page:?}"
    );
    run(&[id, "--output", "certificate.json"]).await.assert_plain_fault(2);
    run(&[id, "--timezone", "Berlin"]).await.assert_plain_fault(2);
    run(&["2026-01-01T00-00-00Z-00000001"]).await.assert_plain_fault(7);
    for arguments in [&[][..], &[id, "--public-key"], &[id, "--format", "pdf"]] {
        assert_eq!(run(arguments).await.code, Some(2), "{arguments:?}");
    }
    let key = run(&["--public-key"]).await.stdout;
    assert!(
        key.starts_with(fixture.key()) && key.contains(fixture.key["key_id"].as_str().unwrap()),
        "{key}"
    );
}
