//! Properties of all lists.

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::{Answer, Engine, on_every_engine};
use serde_json::json;

async fn ask(place: &ArchivesPlace, path: &str, known: &str, coding: &str) -> Answer {
    let request = place.admin.request(reqwest::Method::GET, path);
    Answer::of(request.header("If-None-Match", known).header("Accept-Encoding", coding)).await
}

#[on_every_engine(nightly)]
async fn unchanged_list_is_not_sent_again(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let id = place.admin.create_backup().await;
    let clear = json!({"table": "payments"});
    place.admin.post("/backup/clear", &clear).await.expect(200);
    let schedule = json!({"name": "nightly", "preset": "daily"});
    place.admin.post("/backup/schedules", &schedule).await.expect(201);
    // A private address, which nothing is sent to.
    let notification = json!({"name": "chat", "kind": "webhook", "url": "http://10.255.255.1/hook", "enabled": false});
    place
        .admin
        .post("/backup/notifications", &notification)
        .await
        .expect(201);
    let destination = json!({
        "name": "off-site", "url": "s3://school/backups", "endpoint": "https://10.255.255.1", "access_key_id": "x",
        "secret_access_key": "y", "enabled": false,
    });
    place.admin.post("/backup/destinations", &destination).await.expect(201);
    for path in [
        ARCHIVES,
        "/backup/jobs",
        "/backup/changes",
        "/backup/schedules",
        "/backup/notifications",
        "/backup/destinations",
    ] {
        let first = place.admin.get(path).await.expect(200);
        let tag = first.header("etag");
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        // The tag does not depend on the compression of the response.
        for coding in ["identity", "gzip"] {
            let again = ask(&place, path, tag, coding).await.expect(304);
            assert_eq!((again.header("etag"), again.body.len()), (tag, 0), "{path}");
            let other = ask(&place, path, "\"another\"", coding).await.expect(200);
            assert_eq!(other.header("etag"), tag, "{path}");
        }
        // Another page has another tag.
        ask(&place, &format!("{path}?limit=1"), tag, "identity")
            .await
            .expect(200);
    }
    let tag = place.admin.get(ARCHIVES).await.header("etag").to_owned();
    place
        .admin
        .patch(&of(&id, ""), &json!({"label": "renamed"}))
        .await
        .expect(200);
    let changed = ask(&place, ARCHIVES, &tag, "identity").await.expect(200);
    assert_ne!(changed.header("etag"), tag);
}
