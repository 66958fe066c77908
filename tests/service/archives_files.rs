//! Archives and their tables as files.

use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use harness::archives_rig::{ArchivesPlace, of};
use harness::{Answer, Engine, TABLES, on_every_engine, tool};

async fn ask(place: &ArchivesPlace, path: &str, lines: &[(&str, &str)]) -> Answer {
    let request = place.admin.request(reqwest::Method::GET, path);
    Answer::of(
        lines
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value)),
    )
    .await
}

#[on_every_engine(nightly)]
async fn downloaded_file_equals_the_stored_one(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let id = place.admin.create_backup().await;
    let stored = std::fs::read(place.object(&id)).unwrap();
    let path = of(&id, "/file");
    let file = ask(&place, &path, &[("Accept-Encoding", "gzip, br, zstd")])
        .await
        .expect(200);
    assert_eq!(file.body, stored);
    assert_eq!(
        (file.header("content-encoding"), file.header("accept-ranges")),
        ("", "bytes")
    );
    assert_eq!(file.header("content-type"), "application/octet-stream");
    let name = format!("attachment; filename=\"campus-backup-{id}.json.zst\"");
    assert!(
        file.header("content-disposition").starts_with(&name),
        "{}",
        file.header("content-disposition")
    );
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&stored));
    assert_eq!(file.header("repr-digest"), format!("sha-256=:{digest}:"));

    let (tag, length) = (file.header("etag").to_owned(), stored.len());
    let part = ask(&place, &path, &[("Range", "bytes=2-9"), ("If-Range", &tag)])
        .await
        .expect(206);
    assert_eq!(part.body, stored[2..10]);
    assert_eq!(part.header("content-range"), format!("bytes 2-9/{length}"));
    assert_eq!((part.header("etag"), part.header("content-length")), (&*tag, "8"));
    assert_eq!(
        ask(&place, &path, &[("Range", "bytes=-3")]).await.expect(206).body,
        stored[length - 3..]
    );
    let stale = ask(&place, &path, &[("Range", "bytes=2-9"), ("If-Range", "\"other\"")])
        .await
        .expect(200);
    assert_eq!(stale.body, stored);
    let beyond = ask(&place, &path, &[("Range", &format!("bytes={length}-"))]).await;
    assert_eq!(beyond.header("content-range"), format!("bytes */{length}"));
    beyond.problem(416, "range_not_satisfiable");
    let known = ask(&place, &path, &[("If-None-Match", &tag)]).await.expect(304);
    assert!(known.body.is_empty());
    let head = place.admin.head(&path).await.expect(200);
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        (&*length.to_string(), 0)
    );
}

#[on_every_engine(nightly)]
async fn public_tools_open_the_file(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let id = place.admin.create_backup().await;
    if tool::is_available("zstd") && tool::is_available("python3") {
        let json = tool::run(Command::new("zstd").arg("-dc").arg(place.object(&id))).stdout;
        let document: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(document["summary"]["sha256"], place.admin.digests().await);
    }
}

/// A table from an archive equals the live download at the moment of the backup.
#[on_every_engine]
async fn table_of_an_archive_equals_its_download(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let id = place.admin.create_backup().await;
    let shown = place.admin.get(&of(&id, "")).await.expect(200).json();
    for query in [
        "format=csv",
        "format=csv&bom=false&formula_guard=false",
        "format=json",
        "",
    ] {
        let mut live = Vec::new();
        for table in TABLES {
            live.push(
                place
                    .admin
                    .get(&format!("/backup/download/{table}?{query}"))
                    .await
                    .expect(200),
            );
        }
        for (table, live) in TABLES.iter().zip(live) {
            let old = place
                .admin
                .get(&of(&id, &format!("/download/{table}?{query}")))
                .await
                .expect(200);
            for name in ["content-type", "x-total-rows", "cache-control"] {
                assert_eq!(old.header(name), live.header(name), "{table} {query}: {name}");
            }
            let (old, live) = match old.header("content-type") {
                "application/json" => {
                    // The digest of the whole document depends on its time.
                    let moment = |answer: &Answer| {
                        let json = answer.json();
                        let said = [&json["created_at"], &json["summary"]["digest"]];
                        said.map(|said| said.as_str().unwrap().to_owned())
                    };
                    let ([old_at, old_digest], [live_at, live_digest]) = (moment(&old), moment(&live));
                    assert_eq!(old_at, shown["created_at"]);
                    (
                        old.text(),
                        live.text()
                            .replace(&live_at, &old_at)
                            .replace(&live_digest, &old_digest),
                    )
                }
                _ => (old.text(), live.text()),
            };
            assert_eq!(old, live, "{table} {query}");
        }
    }
    place.admin.clear(&json!({"table": "all"})).await.expect(200);
    let kept = place.admin.csv(&of(&id, "/download/students?format=csv")).await;
    assert_eq!(kept, harness::School::csv("students"));
}

#[on_every_engine(nightly)]
async fn other_tables_and_formats_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let id = place.admin.create_backup().await;
    for table in ["all", "teachers", "Students", ""] {
        let refused = place.admin.get(&of(&id, &format!("/download/{table}"))).await;
        let code = if table.is_empty() {
            "unknown_path"
        } else {
            "unknown_table"
        };
        refused.problem(404, code);
    }
    for query in ["format=xlsx", "format=pdf", "bom=maybe", "bom=", "x=1"] {
        let refused = place.admin.get(&of(&id, &format!("/download/students?{query}"))).await;
        refused.problem(422, "invalid_field");
    }
    place
        .admin
        .get(&of(&id, "/file?format=json"))
        .await
        .problem(422, "invalid_field");
}

#[on_every_engine(nightly)]
async fn links_download_files_tables_and_differences_once(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let id = place.admin.create_backup().await;
    let browser = place.service.anonymous();
    let stored = std::fs::read(place.object(&id)).unwrap();
    for path in [
        of(&id, "/file"),
        of(&id, "/download/students?format=csv"),
        format!("/backup/diff?from={id}&to=live&format=csv"),
    ] {
        browser.get(&path).await.problem(401, "unauthenticated");
        let link = place
            .admin
            .post("/backup/download-links", &json!({"path": path}))
            .await
            .expect(201)
            .json();
        let url = link["url"].as_str().unwrap();
        let url = url.strip_prefix(&place.service.base_url()).unwrap_or(url);
        let file = browser.get(url).await.expect(200);
        if path.ends_with("/file") {
            assert_eq!(file.body, stored);
        }
        browser.get(url).await.problem(410, "link_used");
    }
    for path in [
        of(&id, ""),
        of(&id, "/download/all"),
        of(&id, "/file?x=1"),
        "/backup/diff?from=live&to=x".to_owned(),
    ] {
        let refused = place.admin.post("/backup/download-links", &json!({"path": path})).await;
        assert!([404, 422].contains(&refused.status.as_u16()), "{path}: {refused:?}");
    }
}
