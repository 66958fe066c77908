//! `/backup/archives`: archives are created, listed, changed and deleted.

use chrono::{DateTime, Utc};
use harness::{Engine, on_every_engine, varying};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::client::fields;

const NEVER: &str = "2026-01-01T00-00-00Z-00000000";

#[on_every_engine(nightly)]
async fn unknown_and_invalid_requests_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    for id in [NEVER, "1", "%00", "..%2f..", "2026-01-01T00-00-00Z-0000000Z", "upload"] {
        admin.get(&of(id, "")).await.problem(404, "unknown_archive");
        admin.get(&of(id, "/file")).await.problem(404, "unknown_archive");
        admin
            .get(&of(id, "/download/students"))
            .await
            .problem(404, "unknown_archive");
        admin
            .patch(&of(id, ""), &json!({"protected": true}))
            .await
            .problem(404, "unknown_archive");
        admin.delete(&of(id, "")).await.problem(404, "unknown_archive");
        admin
            .post(&of(id, "/verify"), &json!({"level": "digest"}))
            .await
            .problem(404, "unknown_archive");
        admin
            .post(&of(id, "/restore-plan"), &json!({"mode": "replace"}))
            .await
            .problem(404, "unknown_archive");
        let restore = json!({"mode": "replace", "plan_hash": "0".repeat(64), "confirm": "restore"});
        admin
            .post(&of(id, "/restore"), &restore)
            .await
            .problem(404, "unknown_archive");
        if id != "%00" {
            admin
                .get(&format!("/backup/diff?from={id}&to=live"))
                .await
                .problem(404, "unknown_archive");
        }
    }
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "offset=-1",
        "kind=taken",
        "page=1",
        "limit=1&limit=2",
        "limit=",
        "offset",
    ] {
        admin
            .get(&format!("{ARCHIVES}?{query}"))
            .await
            .problem(422, "invalid_field");
    }
    for (body, named) in [
        (json!({"label": ""}), "label"),
        (json!({"label": "a".repeat(101)}), "label"),
        (json!({"label": "a\nb"}), "label"),
        (json!({"label": 1}), "label"),
        (json!({"note": " "}), "note"),
        (json!({"note": "a".repeat(2001)}), "note"),
        (json!({"protected": null}), "protected"),
        (json!({"name": "x"}), "name"),
    ] {
        let problem = admin.post(ARCHIVES, &body).await.problem(422, "invalid_field");
        assert_eq!(fields(&problem), [named], "{body}");
    }
    assert_eq!(admin.archives().await, Vec::<Value>::new());
    assert_eq!(admin.get("/backup/jobs").await.expect(200).json()["total"], 0);
}

#[on_every_engine]
async fn archive_equals_the_data(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let words = json!({"label": "Ä – first", "note": "line 1\nline 2", "protected": true});
    let result = admin.done(admin.post(ARCHIVES, &words).await).await;
    let id = result["archive_id"].as_str().unwrap();
    let shown = admin.get(&of(id, "")).await.expect(200).json();
    assert_json_snapshot!("archive", shown, {
        ".id" => varying("[id]"),
        ".created_at" => varying("[time]"),
        ".app_version" => varying("[version]"),
        ".engine" => varying("[engine]"),
        ".object_sha256" => varying("[digest]"),
        ".size" => "[bytes]",
    });
    assert_eq!((&shown["id"], &shown["engine"]), (&json!(id), &json!(engine.name())));
    assert_eq!(shown["rows"], Value::Object(place.school.scratch.counts().await));
    assert_eq!(shown["sha256"], admin.digests().await);
    let at: DateTime<Utc> = shown["created_at"].as_str().unwrap().parse().unwrap();
    assert!((Utc::now() - at).num_seconds().abs() < 300);
    assert_eq!(shown["size"], std::fs::metadata(place.object(id)).unwrap().len());
    assert_eq!(result["rows"], shown["rows"]);
    assert_eq!((&result["total"], &result["size"]), (&shown["total"], &shown["size"]));
    assert_eq!(admin.archives().await, [shown]);
}

#[on_every_engine(nightly)]
async fn annotations_are_changed_and_removed(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, id) = (&place.admin, place.admin.create_backup().await);
    let first = admin
        .patch(&of(&id, ""), &json!({"label": "a", "note": "b"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&first["label"], &first["note"], &first["protected"]),
        (&json!("a"), &json!("b"), &json!(false))
    );
    let second = admin
        .patch(&of(&id, ""), &json!({"label": null, "protected": true}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&second["label"], &second["note"], &second["protected"]),
        (&Value::Null, &json!("b"), &json!(true))
    );
    assert_eq!(admin.patch(&of(&id, ""), &json!({})).await.expect(200).json(), second);
    assert_eq!(admin.archives().await, std::slice::from_ref(&second));
    for (body, named) in [
        (json!({"label": ""}), "label"),
        (json!({"note": "\u{7}"}), "note"),
        (json!({"protected": "no"}), "protected"),
        (json!({"kind": "created"}), "kind"),
    ] {
        assert_eq!(
            fields(&admin.patch(&of(&id, ""), &body).await.problem(422, "invalid_field")),
            [named],
            "{body}"
        );
    }
    assert_eq!(admin.archives().await, [second]);
}

#[on_every_engine(nightly)]
async fn deleted_archive_answers_410(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, id) = (&place.admin, place.admin.create_backup().await);
    let kept = place.admin.create_backup().await;
    admin.patch(&of(&id, ""), &json!({"protected": true})).await.expect(200);
    admin.delete(&of(&id, "")).await.problem(409, "archive_protected");
    assert_eq!(admin.archives().await.len(), 2);
    admin
        .patch(&of(&id, ""), &json!({"protected": false}))
        .await
        .expect(200);
    let gone = admin.delete(&of(&id, "")).await.expect(204);
    assert!(gone.body.is_empty());
    for rest in ["", "/file", "/download/students"] {
        admin.get(&of(&id, rest)).await.problem(410, "archive_gone");
    }
    admin.delete(&of(&id, "")).await.problem(410, "archive_gone");
    assert!(!place.object(&id).exists());
    let left = admin.archives().await;
    assert_eq!((left.len(), &left[0]["id"]), (1, &json!(kept)));
}

/// The list comes from the store, so a service with another database shows the same archives.
#[on_every_engine]
async fn list_survives_the_database(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let ids = [
        place.admin.create_backup().await,
        place.admin.create_backup().await,
        place.admin.create_backup().await,
    ];
    let cleared = place
        .admin
        .clear(&json!({"table": "attendance"}))
        .await
        .expect(200)
        .json();
    let mut listed = place.admin.archives().await;
    let found: Vec<_> = listed.iter().map(|archive| archive["id"].as_str().unwrap()).collect();
    let safety = cleared["archive_id"].as_str().unwrap();
    assert_eq!(found, [safety, &ids[2], &ids[1], &ids[0]], "the newest first");

    let other = harness::small_school(engine).await;
    let archives = place.store();
    let service = harness::service::Setup::on(&other.scratch)
        .set("CAMPUS_BACKUP_ARCHIVES", archives.display())
        .start()
        .await;
    let admin = service.admin().await;
    // The other service can't know that these archives were created here.
    for archive in &mut listed {
        assert_eq!(archive["origin"], "made_here");
        archive["origin"] = json!("found");
    }
    assert_eq!(admin.archives().await, listed);
    for (query, expected) in [
        ("kind=safety", vec![safety]),
        ("kind=created&limit=2", vec![&ids[2], &ids[1]]),
        ("offset=3", vec![&ids[0]]),
        ("kind=uploaded", vec![]),
        ("offset=9223372036854775807", vec![]),
    ] {
        let page = admin.get(&format!("{ARCHIVES}?{query}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        let ids: Vec<_> = items.iter().map(|archive| archive["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{query}");
    }
}
