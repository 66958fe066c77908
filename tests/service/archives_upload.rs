//! `/backup/archives/upload`: valid archives are stored, and everything else is refused.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVE_KEY, ARCHIVES, ArchivesPlace, OTHER_ARCHIVE_KEY, of, store};
use harness::client::fields;
use harness::service::Setup;
use harness::{Answer, Client, Engine, Wire, on_every_engine, small_school, tool, write_private};

const UPLOAD: &str = "/backup/archives/upload";
const BINARY: &str = "application/octet-stream";

async fn upload(admin: &Client, bytes: impl Into<reqwest::Body>) -> Answer {
    admin.post_raw(UPLOAD, BINARY, bytes).await
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// The output of a program for these bytes.
fn through(command: &mut Command, bytes: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

/// Bytes that are not an archive of this service, each with the expected code.
fn bad(document: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let change = |from: &str, to: &str| {
        assert!(document.contains(from), "{from}");
        document.replacen(from, to, 1).into_bytes()
    };
    let cut = |at: &str, beyond: usize| document.as_bytes()[..document.find(at).unwrap() + beyond].to_vec();
    let sealed = zstd(document.as_bytes());
    let twice = |line: &str| {
        let line = document
            .lines()
            .find(|found| found.starts_with(line))
            .unwrap()
            .trim_end_matches(',');
        change(line, &format!("{line},\n{line}"))
    };
    let swapped = {
        let mut lines: Vec<_> = document.lines().collect();
        let first = lines
            .iter()
            .position(|line| line.starts_with("{\"id\":1,\"full_name\""))
            .unwrap();
        lines.swap(first, first + 1);
        lines.join("\n").into_bytes()
    };
    vec![
        ("nothing", Vec::new(), "archive_empty"),
        (
            "a zip",
            b"PK\x03\x04\x14\x00\x00\x00\x08\x00".repeat(20),
            "not_an_archive",
        ),
        (
            "a SQL dump",
            b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE students (id);\n".to_vec(),
            "not_an_archive",
        ),
        ("text", b"hello".to_vec(), "not_an_archive"),
        ("other JSON", br#"{"name":"x"}"#.to_vec(), "not_an_archive"),
        (
            "gzip",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00".to_vec(),
            "not_an_archive",
        ),
        (
            "cut in the header",
            document.as_bytes()[..40].to_vec(),
            "archive_truncated",
        ),
        ("cut in a string", cut("\"full_name\":\"Ann", 16), "archive_truncated"),
        ("cut between rows", cut("\n{\"id\":2,", 1), "archive_truncated"),
        ("cut before the summary", cut("\"summary\"", 0), "archive_truncated"),
        (
            "cut at the last byte",
            document.trim_end().as_bytes()[..document.trim_end().len() - 1].to_vec(),
            "archive_truncated",
        ),
        (
            "zstd that is cut",
            sealed[..sealed.len() / 2].to_vec(),
            "archive_truncated",
        ),
        (
            "a value changed",
            change("\"0.10\"", "\"0.11\""),
            "archive_digest_mismatch",
        ),
        (
            "a total changed",
            change("\"payments.amount_paid\":\"", "\"payments.amount_paid\":\"1"),
            "archive_totals_mismatch",
        ),
        (
            "a count changed",
            change("\"total\":25", "\"total\":26"),
            "archive_count_mismatch",
        ),
        (
            "a newer version",
            change("\"version\":1", "\"version\":2"),
            "archive_newer_version",
        ),
        (
            "another table",
            change("\"courses\"", "\"lessons\""),
            "archive_schema_mismatch",
        ),
        (
            "another column",
            change("\"full_name\"", "\"name\""),
            "archive_schema_mismatch",
        ),
        ("rows in another order", swapped, "archive_ids_out_of_order"),
        ("a row twice", twice("{\"id\":2,\"full_name\""), "archive_duplicate_id"),
        (
            "a wrong type",
            change("\"seats\":30", "\"seats\":\"30\""),
            "archive_invalid_value",
        ),
        (
            "more after the end",
            format!("{document} {{}}").into_bytes(),
            "archive_trailing_data",
        ),
        (
            "a long version of the program",
            change(
                "\"app_version\":\"",
                &format!("\"app_version\":\"{}", "9".repeat(2 << 20)),
            ),
            "archive_limit_exceeded",
        ),
        (
            "a long engine",
            change("\"engine\":\"", &format!("\"engine\":\"{}", "x".repeat(2 << 20))),
            "archive_limit_exceeded",
        ),
        (
            "a long moment",
            change(
                "\"created_at\":\"",
                &format!("\"created_at\":\"{}", "2".repeat(2 << 20)),
            ),
            "archive_invalid_value",
        ),
        (
            "a long table",
            change("\"courses\"", &format!("\"{}\"", "x".repeat(2 << 20))),
            "archive_corrupt",
        ),
        (
            "a long column",
            change("\"full_name\"", &format!("\"{}\"", "x".repeat(2 << 20))),
            "archive_corrupt",
        ),
        (
            "a long digest",
            change("\"digest\":\"", &format!("\"digest\":\"{}", "0".repeat(2 << 20))),
            "archive_digest_mismatch",
        ),
        (
            "a bomb",
            zstd(&change("\"Ann ", &format!("\"{}", "a".repeat(64 << 20)))),
            "archive_limit_exceeded",
        ),
    ]
}

#[on_every_engine(nightly)]
async fn incomplete_upload_is_refused_and_leaves_nothing(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let document = admin.get("/backup/download/all").await.expect(200).text();
    let before = admin.digests().await;
    for (name, bytes, code) in bad(&document) {
        let refused = upload(admin, bytes).await;
        let problem = refused.json();
        assert_eq!(problem["code"], code, "{name}: {problem}");
        refused.problem(problem["status"].as_u64().unwrap().try_into().unwrap(), code);
    }
    for job in admin.get("/backup/jobs?limit=100").await.expect(200).json()["items"]
        .as_array()
        .unwrap()
    {
        assert_eq!(
            (&job["state"], &job["result"]),
            (&json!("failed"), &Value::Null),
            "{job}"
        );
    }
    assert_eq!(admin.archives().await, Vec::<Value>::new());
    let left: Vec<_> = std::fs::read_dir(place.store())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().starts_with("20")),
        "{left:?}"
    );
    assert_eq!(admin.digests().await, before);
}

/// A flipped bit is found anywhere, in the bare and in the compressed document.
#[on_every_engine(nightly)]
async fn flipped_bit_is_detected(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let document = admin.get("/backup/download/all").await.expect(200).body;
    for whole in [document.to_vec(), zstd(&document)] {
        for at in (0..whole.len()).step_by(whole.len() / 40) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            // Some bits of a zstd frame have no effect. Only the service's own frames are followed by a digest.
            if zstd::decode_all(&*flipped).is_ok_and(|decoded| decoded == document) {
                continue;
            }
            let refused = upload(admin, flipped).await;
            let problem = refused.json();
            let code = problem["code"].as_str().unwrap();
            assert!(
                code.starts_with("archive_") || code == "not_an_archive",
                "{at}: {problem}"
            );
            refused.problem(problem["status"].as_u64().unwrap().try_into().unwrap(), code);
        }
    }
    assert_eq!(admin.archives().await, Vec::<Value>::new());
}

#[on_every_engine(nightly)]
async fn orphan_is_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let source = harness::restore_rig::RestorePlace::on(&place.school.scratch).await;
    let archive = source.archive().await;
    let orphaned = archive.rewritten(|table, cells| {
        if table == "payments" {
            cells[1] = campus_backup_archive::Cell::Integer(4711);
        }
        true
    });
    upload(admin, orphaned.bytes()).await.problem(422, "archive_orphan");
    assert_eq!(admin.archives().await, Vec::<Value>::new());
}

#[on_every_engine(nightly)]
async fn complete_file_is_accepted_in_every_form(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let document = admin.get("/backup/download/all").await.expect(200).body;
    let sealed = zstd(&document);
    for (number, bytes, compression) in [(1, document.to_vec(), "none"), (2, sealed, "zstd")] {
        let path = format!("{UPLOAD}?label=from%20elsewhere&protected=true");
        let answer = admin.post_raw(&path, BINARY, bytes.clone()).await.expect(201);
        let archive = answer.json();
        let id = archive["id"].as_str().unwrap();
        assert_eq!(answer.header("location"), of(id, ""));
        for (name, value) in [
            ("kind", json!("uploaded")),
            ("label", json!("from elsewhere")),
            ("protected", json!(true)),
            ("created_by", json!("admin")),
            ("compression", json!(compression)),
            ("encryption", json!("none")),
            ("size", json!(bytes.len())),
            ("sha256", admin.digests().await),
            ("rows", Value::Object(place.school.scratch.counts().await)),
        ] {
            assert_eq!(archive[name], value, "{name}");
        }
        assert_eq!(admin.get(&of(id, "/file")).await.expect(200).body, bytes);
        // Both archives have the same time, so the order of the two is not defined.
        let listed = admin.archives().await;
        assert_eq!(listed.len(), number);
        assert!(listed.contains(&archive), "{listed:?}");
        admin
            .done(admin.post(&of(id, "/verify"), &json!({"level": "test_restore"})).await)
            .await;
    }
}

#[on_every_engine(nightly)]
async fn invalid_requests_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    for (query, named) in [
        ("label=", "label"),
        ("protected=x", "protected"),
        ("kind=created", "kind"),
        ("note=%07", "note"),
    ] {
        let refused = admin.post_raw(&format!("{UPLOAD}?{query}"), BINARY, "x").await;
        assert_eq!(fields(&refused.problem(422, "invalid_field")), [named], "{query}");
    }
    // The body that `curl -F file=@backup.json` sends.
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{}\r\n--x--\r\n";
    let refused = admin.post_raw(UPLOAD, "multipart/form-data; boundary=x", form).await;
    let problem = refused.problem(415, "unsupported_media_type");
    assert!(
        problem["detail"].as_str().unwrap().contains("--data-binary @FILE"),
        "{problem}"
    );
    let refused = admin
        .post_raw("/backup/clear", "multipart/form-data; boundary=x", form)
        .await;
    let problem = refused.problem(415, "unsupported_media_type");
    assert!(problem["detail"].as_str().unwrap().contains("curl: -d"), "{problem}");
    let bearer = format!("Authorization: Bearer {}", admin.token());
    // More bytes than the limit, or than the free space: refused before the first byte of the body.
    let mut claimed = Wire::send(
        &place.service,
        "POST",
        UPLOAD,
        &[&bearer, "Content-Length: 10000000000"],
    )
    .await;
    let head = claimed.head().await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    // Fewer bytes than the announced length.
    let mut short = Wire::send(&place.service, "POST", UPLOAD, &[&bearer, "Content-Length: 1000"]).await;
    short.write(b"{\"format\":\"campus-backup\"").await.unwrap();
    drop(short);
    harness::until("nothing is left", harness::WAIT_LIMIT, async || {
        std::fs::read_dir(place.store()).is_ok_and(|mut entries| {
            entries.all(|entry| !entry.unwrap().file_name().to_string_lossy().starts_with("20"))
        })
    })
    .await;
    assert_eq!(admin.archives().await, Vec::<Value>::new());
}

#[on_every_engine(nightly)]
async fn size_limit_and_full_disk_are_different_errors(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.again().set("CAMPUS_BACKUP_UPLOAD_LIMIT", 1000).start().await;
    let admin = service.admin().await;
    let all = admin.get("/backup/download/all").await.expect(200).body;
    upload(&admin, all.clone()).await.problem(413, "upload_too_large");
    // Without a length, the service finds the size while it reads.
    let pieces: Vec<_> = all
        .chunks(500)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect();
    let streamed = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    upload(&admin, streamed).await.problem(413, "upload_too_large");
    assert_eq!(admin.archives().await, Vec::<Value>::new());
    service.stop().await;
    let limit: u64 = 1 << 40;
    let service = setup.again().set("CAMPUS_BACKUP_UPLOAD_LIMIT", limit).start().await;
    let admin = service.admin().await;
    let (bearer, length) = (
        format!("Authorization: Bearer {}", admin.token()),
        format!("Content-Length: {limit}"),
    );
    let mut claimed = Wire::send(&service, "POST", UPLOAD, &[&bearer, &length]).await;
    let head = claimed.head().await;
    assert!(head.starts_with("HTTP/1.1 507 "), "{head}");

    // The service estimates the needed space from the last archive.
    let id = admin.create_backup().await;
    let manifest = store(&service).join(&id).join("manifest.json");
    let mut said: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    said["object"]["size"] = json!(limit);
    std::fs::write(&manifest, said.to_string()).unwrap();
    admin
        .post(ARCHIVES, &json!({}))
        .await
        .problem(507, "insufficient_storage");
    let before = admin.digests().await;
    admin
        .clear(&json!({"table": "payments"}))
        .await
        .problem(507, "insufficient_storage");
    assert_eq!(admin.digests().await, before);
    assert_eq!(admin.archives().await.len(), 1);
}

/// A repeated upload with the same key is stored once, also after a restart.
#[on_every_engine]
async fn repeated_upload_with_a_key_is_stored_once(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    let document = admin.get("/backup/download/all").await.expect(200).body;
    let keyed = async |admin: &Client, bytes: Vec<u8>| {
        let request = admin
            .request(reqwest::Method::POST, UPLOAD)
            .header("Idempotency-Key", "\"upload-1\"");
        Answer::of(request.body(bytes)).await
    };
    let first = keyed(&admin, document.to_vec()).await.expect(201).json();
    assert_eq!(keyed(&admin, document.to_vec()).await.expect(201).json(), first);
    service.stop().await;
    let service = setup.start().await;
    let admin = service.admin().await;
    assert_eq!(keyed(&admin, document.to_vec()).await.expect(201).json(), first);
    keyed(&admin, zstd(&document))
        .await
        .problem(422, "idempotency_key_reused");
    assert_eq!(admin.archives().await, [first]);
}

#[on_every_engine(nightly)]
async fn encrypted_archive_needs_its_key(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let [file, other] = [("archive.key", ARCHIVE_KEY), ("other.key", OTHER_ARCHIVE_KEY)].map(|(name, key)| {
        let file = setup.folder().join(name);
        write_private(&file, key);
        file
    });

    let service = setup
        .again()
        .set("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", file.display())
        .start()
        .await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    let shown = admin.get(&of(&id, "")).await.expect(200).json();
    assert_eq!(
        (&shown["compression"], &shown["encryption"]),
        (&json!("zstd"), &json!("age"))
    );
    let sealed = admin.get(&of(&id, "/file")).await.expect(200).body;
    assert!(sealed.starts_with(b"age-encryption.org/v1"));
    let csv = admin.csv(&of(&id, "/download/students?format=csv")).await;
    assert_eq!(csv, harness::School::csv("students"));
    admin
        .done(admin.post(&of(&id, "/verify"), &json!({"level": "test_restore"})).await)
        .await;
    if tool::is_available("age") && tool::is_available("zstd") {
        let opened = through(Command::new("age").arg("-d").arg("-i").arg(&file), &sealed);
        let json = through(Command::new("zstd").arg("-dc"), &opened);
        let document: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(document["summary"]["sha256"], admin.digests().await);
    }
    assert_eq!(
        upload(&admin, sealed.clone()).await.expect(201).json()["encryption"],
        "age"
    );
    let before = admin.digests().await;
    service.stop().await;

    // The key is absent or wrong: the archive is listed, and every use of its content is refused.
    for (keys, code) in [(None, "archive_key_required"), (Some(&other), "archive_wrong_key")] {
        let setup = match keys {
            Some(file) => setup.again().set("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", file.display()),
            None => setup.again(),
        };
        let service = setup.start().await;
        let admin = service.admin().await;
        upload(&admin, sealed.clone()).await.problem(422, code);
        admin
            .post(&of(&id, "/restore-plan"), &json!({"mode": "replace"}))
            .await
            .problem(422, code);
        admin.get(&of(&id, "/download/students")).await.problem(422, code);
        admin
            .post(&of(&id, "/verify"), &json!({"level": "digest"}))
            .await
            .problem(422, code);
        assert_eq!(
            (admin.digests().await, admin.archives().await.len()),
            (before.clone(), 2)
        );
        service.stop().await;
    }

    // A service that has the old key as well opens archives that were encrypted for it.
    let service = setup
        .again()
        .set("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", other.display())
        .set("CAMPUS_BACKUP_ARCHIVE_KEY_PREVIOUS_FILE", file.display())
        .start()
        .await;
    let admin = service.admin().await;
    admin
        .done(admin.post(&of(&id, "/verify"), &json!({"level": "digest"})).await)
        .await;
    assert_eq!(
        admin.plan(&id, &json!({"mode": "replace"})).await["blockers"],
        json!([])
    );
    admin.get(&of(&admin.create_backup().await, "/file")).await.expect(200);
}
