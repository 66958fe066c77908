//! Archives in a store of the S3 protocol.

use serde_json::json;

use harness::archives_rig::{ARCHIVES, of};
use harness::s3::S3;
use harness::service::Setup;
use harness::{Engine, School, on_every_engine, small_school, tls};

#[on_every_engine(nightly)]
async fn bucket_supports_all_operations(engine: Engine) {
    let school = small_school(engine).await;
    let store = S3::start().await;
    let service = store.configure(Setup::on(&school.scratch)).start().await;
    let admin = service.admin().await;
    let (id, before) = (admin.create_backup().await, admin.digests().await);
    assert_eq!(store.objects(&id), 2, "the archive and its manifest");
    assert!(!service.folder().join("data/archives").exists());

    let file = admin.get(&of(&id, "/file")).await.expect(200).body;
    let range = admin
        .request(reqwest::Method::GET, &of(&id, "/file"))
        .header("Range", "bytes=3-6");
    assert_eq!(harness::Answer::of(range).await.expect(206).body, file[3..7]);
    let csv = admin.csv(&of(&id, "/download/students?format=csv")).await;
    assert_eq!(csv, School::csv("students"));
    for level in ["digest", "test_restore"] {
        admin
            .done(admin.post(&of(&id, "/verify"), &json!({"level": level})).await)
            .await;
    }
    let shown = admin
        .patch(&of(&id, ""), &json!({"label": "kept"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&shown["label"], &shown["verification"]["result"]),
        (&json!("kept"), &json!("ok"))
    );

    let cleared = admin.clear(&json!({"table": "all"})).await.expect(200).json();
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    assert_eq!(admin.digests().await, before);
    admin.clear(&json!({"table": "all"})).await.expect(200);
    admin.done(admin.restore(&id, &json!({"mode": "replace"})).await).await;
    assert_eq!(admin.digests().await, before);

    let brought = admin
        .post_raw(&format!("{ARCHIVES}/upload"), "application/octet-stream", file)
        .await;
    let brought = brought.expect(201).json();
    let path = format!("/backup/diff?from={id}&to={}", brought["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).await.expect(200).json()["is_same"], true);
    let listed = admin.archives().await.len();
    admin.delete(&of(&id, "?force=true")).await.expect(204);
    admin.get(&of(&id, "/file")).await.problem(410, "archive_gone");
    assert_eq!(admin.archives().await.len(), listed - 1);
}

#[on_every_engine(nightly)]
async fn unavailable_store_is_reported(engine: Engine) {
    let school = small_school(engine).await;
    let store = S3::start().await;
    let service = store.configure(Setup::on(&school.scratch)).start().await;
    let admin = service.admin().await;
    let (id, before) = (admin.create_backup().await, admin.digests().await);
    drop(store);
    admin
        .get(&of(&id, "/file"))
        .await
        .expect_retry_after(503, "store_unavailable");
    let refused = admin.clear(&json!({"table": "payments"})).await;
    refused.expect_retry_after(503, "store_unavailable");
    assert_eq!(admin.digests().await, before);
}

/// Only with a certificate of an authority that the service knows.
#[tokio::test(flavor = "multi_thread")]
async fn bucket_is_used_over_tls() {
    let school = small_school(Engine::Sqlite).await;
    let store = S3::with_tls().await;
    let setup = store.configure(Setup::on(&school.scratch));
    let service = setup.start().await;
    let refused = service.admin().await.post(ARCHIVES, &json!({})).await;
    let id = refused.expect(202).json()["id"].as_str().unwrap().to_owned();
    let failed = service.admin().await.ended(&format!("/backup/jobs/{id}")).await;
    assert_eq!(failed["error"]["code"], "store_unavailable", "{failed}");
    service.stop().await;
    assert_eq!(store.objects(""), 0);

    let service = setup.set("SSL_CERT_FILE", tls::authority().display()).start().await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    assert_eq!(store.objects(&id), 2, "the archive and its manifest");
    let verified = admin.post(&of(&id, "/verify"), &json!({"level": "test_restore"})).await;
    admin.done(verified).await;
}
