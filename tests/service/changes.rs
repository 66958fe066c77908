//! `/backup/changes`: the log of clears, restores and undos.

use serde_json::{Value, json};

use harness::archives_rig::{ArchivesPlace, of};
use harness::client::fields;
use harness::{Client, Engine, on_every_engine, varying};

const CHANGES: &str = "/backup/changes";

async fn listed(admin: &Client, query: &str) -> Vec<Value> {
    let list = admin.get(&format!("{CHANGES}?{query}")).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

fn kinds(changes: &[Value]) -> Vec<&str> {
    changes.iter().map(|change| change["kind"].as_str().unwrap()).collect()
}

#[on_every_engine(nightly)]
async fn impossible_requests_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("offset=-1", "offset"),
        ("kind=archive", "kind"),
        ("undoable=perhaps", "undoable"),
        ("from=yesterday", "from"),
        ("to=2026-11-28", "to"),
        ("from=%2B20140-01-01T00:00:00Z", "from"),
        ("to=-0001-01-01T00:00:00Z", "to"),
    ] {
        let refused = admin
            .get(&format!("{CHANGES}?{query}"))
            .await
            .problem(422, "invalid_field");
        assert_eq!(fields(&refused), [field], "{query}");
    }
    for id in ["01890000-0000-7000-8000-000000000000", "x", "%00"] {
        admin
            .get(&format!("{CHANGES}/{id}"))
            .await
            .problem(404, "unknown_change");
    }
    let empty = admin.get(CHANGES).await.expect(200).json();
    assert_eq!(empty, json!({"items": [], "total": 0, "limit": 20, "offset": 0}));
}

#[on_every_engine]
async fn every_change_is_recorded_with_its_effect(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let archive = admin.create_backup().await;
    let cleared = admin.clear(&json!({"table": "payments"})).await.expect(200).json();
    let clear_id = cleared["id"].as_str().unwrap();
    // A failed clear is not in the log.
    admin
        .clear(&json!({"table": "attendance", "expected_rows": 7}))
        .await
        .problem(412, "row_count_changed");

    let change = admin.get(&format!("{CHANGES}/{clear_id}")).await.expect(200).json();
    insta::assert_json_snapshot!("change", change, {
        ".id" => varying("[id]"),
        ".changed_at" => varying("[time]"),
        ".undo_until" => varying("[time]"),
        ".safety_archive_id" => varying("[id]"),
        ".safety_archive_sha256" => varying("[digest]"),
    });
    assert_eq!(change["changed_at"], cleared["cleared_at"]);
    assert_eq!(change["undo_until"], cleared["undo_until"]);
    let safety = admin.get(&of(change["safety_archive_id"].as_str().unwrap(), "")).await;
    assert_eq!(
        safety.expect(200).json()["object_sha256"],
        change["safety_archive_sha256"]
    );
    let undoable = listed(admin, "undoable=true").await;
    assert_eq!(undoable, std::slice::from_ref(&change));

    let undone = admin.post(&format!("/backup/clear/{clear_id}/undo"), &json!({})).await;
    let undone = undone.expect(200).json();
    let restored = admin
        .done(admin.restore(&archive, &json!({"mode": "replace"})).await)
        .await;
    let changes = listed(admin, "").await;
    assert_eq!(kinds(&changes), ["restore", "undo", "clear"], "newest first");
    let [restore, undo, clear] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (&clear["undone_at"], &clear["undone_by"]),
        (&undone["undone_at"], &json!("admin"))
    );
    assert_eq!(undo["parameters"], json!({"clear_id": clear_id}));
    assert_eq!(undo["written_total"], cleared["removed_total"]);
    assert_eq!(
        (&restore["parameters"]["archive_id"], &restore["safety_archive_id"]),
        (&json!(archive), &restored["safety_archive_id"])
    );
    assert_eq!(restore["changed_at"], restored["restored_at"]);
    assert_eq!(listed(admin, "undoable=true").await, Vec::<Value>::new());
    assert_eq!(listed(admin, "undoable=false").await.len(), 3);

    let at = |change: &Value| change["changed_at"].as_str().unwrap().replace('+', "%2B");
    for (query, expected) in [
        ("kind=undo".to_owned(), vec!["undo"]),
        ("limit=1&offset=1".to_owned(), vec!["undo"]),
        (format!("from={}", at(undo)), vec!["restore", "undo"]),
        (format!("to={}", at(undo)), vec!["clear"]),
        (format!("from={}&to={}", at(undo), at(restore)), vec!["undo"]),
        ("from=9999-12-31T23:59:59Z".to_owned(), vec![]),
        ("to=0001-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        assert_eq!(kinds(&listed(admin, &query).await), expected, "{query}");
    }
}

#[on_every_engine]
async fn archive_needed_by_an_undo_is_deleted_only_with_force(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let clear = async || admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    let archive = |cleared: &Value| of(cleared["archive_id"].as_str().unwrap(), "");
    let undo = |cleared: &Value| format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());

    let cleared = clear().await;
    for query in ["", "?force=false"] {
        let refused = admin.delete(&format!("{}{query}", archive(&cleared))).await;
        let refused = refused.problem(409, "archive_needed_for_undo");
        assert_eq!(refused["change_id"], cleared["id"]);
        assert!(refused["hint"].as_str().unwrap().contains("force=true"), "{refused}");
    }
    admin.get(&archive(&cleared)).await.expect(200);
    admin
        .delete(&format!("{}?force=yes", archive(&cleared)))
        .await
        .problem(422, "invalid_field");
    // After the undo the archive can be deleted.
    admin.post(&undo(&cleared), &json!({})).await.expect(200);
    admin.delete(&archive(&cleared)).await.expect(204);

    let cleared = clear().await;
    admin
        .patch(&archive(&cleared), &json!({"protected": true}))
        .await
        .expect(200);
    let forced = format!("{}?force=true", archive(&cleared));
    admin.delete(&forced).await.problem(409, "archive_protected");
    admin
        .patch(&archive(&cleared), &json!({"protected": false}))
        .await
        .expect(200);
    admin.delete(&forced).await.expect(204);
    admin
        .post(&undo(&cleared), &json!({}))
        .await
        .problem(410, "archive_gone");
}
