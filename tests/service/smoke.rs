//! A short run on every engine through the capabilities whose details are tested on SQLite only.
//!
//! Tests marked `#[on_every_engine(nightly)]` do not depend on the engine. This file shows in every run that these
//! capabilities work on the servers too.

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::{Answer, Engine, TABLES, on_every_engine};
use reqwest::Method;
use serde_json::{Value, json};

#[on_every_engine]
async fn archives_are_verified_uploaded_compared_and_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let before = admin.digests().await;
    let id = admin.create_backup().await;
    for level in ["digest", "test_restore"] {
        let verified = admin.post(&of(&id, "/verify"), &json!({"level": level})).await;
        let result = admin.done(verified).await;
        assert_eq!(result["verification"]["result"], "ok", "{level}: {result}");
    }
    let label = json!({"label": "Before the summer", "note": null});
    let changed = admin.patch(&of(&id, ""), &label).await.expect(200).json();
    assert_eq!(changed["label"], "Before the summer");

    let file = admin.get(&of(&id, "/file")).await.expect(200).body;
    assert_eq!(file, std::fs::read(place.object(&id)).unwrap());
    let upload = async |bytes: Vec<u8>| {
        let path = format!("{ARCHIVES}/upload");
        admin.post_raw(&path, "application/octet-stream", bytes).await
    };
    upload(file[..file.len() / 2].to_vec())
        .await
        .problem(422, "archive_truncated");
    let uploaded = upload(file.to_vec()).await.expect(201).json();
    assert_eq!(uploaded["sha256"], before);
    assert_eq!(admin.archives().await.len(), 2);

    let diff = admin
        .get(&format!("/backup/diff?from={id}&to=live"))
        .await
        .expect(200)
        .json();
    for table in TABLES {
        let counts = &diff["tables"][table];
        for what in ["added", "removed", "changed"] {
            assert_eq!(counts[what], 0, "{table}: {diff}");
        }
    }
    admin
        .get(&of(&id, "/download/nothing"))
        .await
        .problem(404, "unknown_table");
    admin.delete(&of(&id, "?force=true")).await.expect(204);
    admin.get(&of(&id, "")).await.problem(410, "archive_gone");
    admin
        .post(
            &of("2026-01-01T00-00-00Z-00000001", "/verify"),
            &json!({"level": "digest"}),
        )
        .await
        .problem(404, "unknown_archive");
    assert_eq!(admin.digests().await, before);
}

#[on_every_engine]
async fn downloads_are_compressed_bare_and_by_a_link(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let plain = admin.get("/backup/download/payments?bom=false").await.expect(200).body;
    assert_eq!(plain[..5], *b"\"ID\",");
    let request = admin.request(Method::GET, "/backup/download/payments?bom=false");
    let compressed = Answer::of(request.header("Accept-Encoding", "zstd")).await.expect(200);
    assert_eq!(compressed.header("content-encoding"), "zstd");
    assert_eq!(zstd::decode_all(&*compressed.body).unwrap(), plain);
    let workbook = admin
        .get("/backup/download/students?format=xlsx")
        .await
        .expect(200)
        .body;
    assert_eq!(workbook[..2], *b"PK");

    let link = admin
        .post(
            "/backup/download-links",
            &json!({"path": "/backup/download/payments?bom=false"}),
        )
        .await
        .expect(201)
        .json();
    let path = link["url"].as_str().unwrap();
    let path = &path[path.find("/backup/").unwrap()..];
    let anonymous = place.service.anonymous();
    anonymous
        .get(&path.replacen("payments", "students", 1))
        .await
        .problem(401, "link_invalid");
    assert_eq!(anonymous.get(path).await.expect(200).body, plain);
    anonymous.get(path).await.problem(410, "link_used");
}

#[on_every_engine]
async fn job_is_watched_to_its_end(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let accepted = place.admin.post(ARCHIVES, &json!({})).await.expect(202).json();
    let path = format!("/backup/jobs/{}/events", accepted["id"].as_str().unwrap());
    let events = place.admin.get(&path).await.expect(200).text();
    let last = events.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.contains("event: ended") || last.contains("event:ended"),
        "{events}"
    );
    let data = last.lines().find_map(|line| line.strip_prefix("data:")).unwrap();
    let job: Value = serde_json::from_str(data.trim()).unwrap();
    assert_eq!(job["state"], "succeeded", "{job}");
    let unknown = format!("/backup/jobs/{}", uuid::Uuid::now_v7());
    place.admin.get(&unknown).await.problem(404, "unknown_job");
}
