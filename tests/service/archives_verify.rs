//! `/backup/archives/{id}/verify`: stored archives are read and checked again.

use harness::{Engine, on_every_engine};
use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::client::fields;

#[on_every_engine(nightly)]
async fn complete_archive_is_verified(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, id) = (&place.admin, place.admin.create_backup().await);
    let before = admin.digests().await;
    for (level, number) in [("digest", 1), ("test_restore", 2)] {
        let result = admin
            .done(admin.post(&of(&id, "/verify"), &json!({"level": level})).await)
            .await;
        let found = &admin.archives().await[0];
        assert_eq!(
            (&found["verification"]["level"], &found["verification"]["result"]),
            (&json!(level), &json!("ok"))
        );
        assert_eq!(found["verification"]["code"], Value::Null);
        assert_eq!(
            found["verification"]["restore_seconds"].is_number(),
            level == "test_restore",
            "{found}"
        );
        assert_eq!(found["verifications"].as_array().unwrap().len(), number);
        assert_eq!(found["verifications"][0], found["verification"], "the newest first");
        assert_eq!(result["verification"]["at"], found["verification"]["at"]);
    }
    assert_eq!(admin.digests().await, before);
    assert_eq!(
        std::fs::read_dir(place.service.folder().join("data/scratch")).map_or(0, Iterator::count),
        0
    );
}

/// Damage is found in every part of the stored bytes: the frame, the checksum, the numbers at the end.
#[on_every_engine(nightly)]
async fn damage_is_detected(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let id = admin.create_backup().await;
    let whole = std::fs::read(place.object(&id)).unwrap();
    let before = admin.digests().await;
    let mut places: Vec<_> = (0..whole.len()).step_by(whole.len() / 6).collect();
    places.push(whole.len() - 1);
    for at in places {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(place.object(&id), damaged).unwrap();
        for level in ["digest", "test_restore"] {
            let job = admin
                .job(admin.post(&of(&id, "/verify"), &json!({"level": level})).await)
                .await;
            let code = job["error"]["code"].as_str().unwrap();
            assert!(code.starts_with("archive_") || code == "not_an_archive", "{at}: {job}");
            assert_eq!((&job["state"], &job["result"]), (&json!("failed"), &Value::Null));
            let found = &admin.archives().await[0]["verification"];
            assert_eq!(
                (&found["result"], &found["code"]),
                (&json!("failed"), &json!(code)),
                "{at}"
            );
        }
        let plan = admin.post(&of(&id, "/restore-plan"), &json!({"mode": "replace"})).await;
        assert!((400..600).contains(&plan.status.as_u16()), "{at}: {plan:?}");
    }
    assert_eq!(admin.digests().await, before);
    std::fs::write(place.object(&id), &whole[..whole.len() - 1]).unwrap();
    let job = admin
        .job(admin.post(&of(&id, "/verify"), &json!({"level": "digest"})).await)
        .await;
    assert_eq!(job["error"]["code"], "archive_truncated", "{job}");
    std::fs::write(place.object(&id), &whole).unwrap();
    admin
        .done(admin.post(&of(&id, "/verify"), &json!({"level": "digest"})).await)
        .await;
    assert_eq!(admin.archives().await[0]["verification"]["result"], "ok");
}

/// An archive that replaces another one has no fault in itself.
#[on_every_engine(nightly)]
async fn replaced_archive_is_detected(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let (first, second) = (admin.create_backup().await, admin.create_backup().await);
    std::fs::copy(place.object(&second), place.object(&first)).unwrap();
    let job = admin
        .job(admin.post(&of(&first, "/verify"), &json!({"level": "digest"})).await)
        .await;
    assert_eq!(job["error"]["code"], "archive_manifest_mismatch", "{job}");
    let plan = admin.plan(&second, &json!({"mode": "replace"})).await;
    let body = json!({"mode": "replace", "plan_hash": plan["hash"], "confirm": "restore"});
    let job = admin.job(admin.post(&of(&first, "/restore"), &body).await).await;
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("failed"), &json!("archive_manifest_mismatch"))
    );
}

#[on_every_engine(nightly)]
async fn damaged_manifest_is_reported(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let (id, whole) = (admin.create_backup().await, admin.create_backup().await);
    std::fs::write(place.store().join(&id).join("manifest.json"), "{").unwrap();
    let listed = admin.get(ARCHIVES).await.expect(200).json();
    assert_eq!(listed["unreadable"][0]["id"], id.as_str());
    assert_eq!(
        (&listed["total"], &listed["items"][0]["id"]),
        (&json!(1), &json!(whole))
    );
    admin.get(&of(&id, "")).await.problem(500, "manifest_unreadable");
}

#[on_every_engine(nightly)]
async fn unknown_levels_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, id) = (&place.admin, place.admin.create_backup().await);
    for (body, named) in [
        (json!({}), "level"),
        (json!({"level": "full"}), "level"),
        (json!({"level": null}), "level"),
        (json!({"level": "digest", "deep": true}), "deep"),
    ] {
        assert_eq!(
            fields(
                &admin
                    .post(&of(&id, "/verify"), &body)
                    .await
                    .problem(422, "invalid_field")
            ),
            [named]
        );
    }
    assert_eq!(
        admin.get(&of(&id, "")).await.expect(200).json()["verification"],
        Value::Null
    );
}
