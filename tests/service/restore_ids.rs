//! Archives with ids at the end of their range, over HTTP.

use campus_backup_archive::Cell;
use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::{Engine, on_every_engine, restore_rig};
use serde_json::json;

/// An application may have used the highest possible id. A clear of that row can be undone.
#[on_every_engine]
async fn undo_restores_the_last_id(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    scratch
        .execute(&format!("update attendance set id = {} where id = 5", i64::MAX))
        .await;
    let before = admin.digests().await;
    for table in ["attendance", "students", "all"] {
        let cleared = admin.clear(&json!({"table": table})).await.expect(200).json();
        let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
        admin.post(&undo, &json!({})).await.expect(200);
        assert_eq!(admin.digests().await, before, "{table}");
    }
}

#[on_every_engine]
async fn undo_restores_the_last_id_beside_newer_rows(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    scratch
        .execute(&format!("update attendance set id = {} where id = 5", i64::MAX))
        .await;
    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    scratch
        .execute(
            "insert into attendance (id, student_id, course_id, date, status) \
             values (100, 1, 1, '2030-01-01', 'present')",
        )
        .await;
    let undo = format!("/backup/clear/{}/undo", cleared["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    assert_eq!(scratch.count("attendance").await, 4);
    assert_eq!(scratch.number("select max(id) from attendance").await, i64::MAX);
}

#[on_every_engine]
async fn plan_and_test_restore_refuse_an_archive_with_the_last_id(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let archive = restore_rig::RestorePlace::on(scratch).await.archive().await;
    let archive = archive.rewritten(|table, cells| {
        if table == "users" && cells[0] == Cell::Integer(9) {
            cells[0] = Cell::Integer(i64::MAX);
        }
        true
    });
    let path = format!("{ARCHIVES}/upload");
    let uploaded = admin.post_raw(&path, "application/octet-stream", archive.bytes()).await;
    let uploaded = uploaded.expect(201).json();
    let id = uploaded["id"].as_str().unwrap();
    let before = scratch.everything().await;

    let request = json!({"mode": "replace", "scope": "all"});
    let plan = admin.plan(id, &request).await;
    let blocker = &plan["blockers"][0];
    assert_eq!(
        (&blocker["code"], &blocker["table"]),
        (&json!("ids_without_room"), &json!("users")),
        "{plan}"
    );
    assert!(
        blocker["text"].as_str().unwrap().contains("9223372036854775807"),
        "{plan}"
    );
    let mut anyway = request.clone();
    anyway["plan_hash"] = plan["hash"].clone();
    anyway["confirm"] = json!("restore");
    let job = admin.job(admin.post(&of(id, "/restore"), &anyway).await).await;
    assert_eq!(job["error"]["code"], "archive_unrestorable", "{job}");
    assert!(
        job["error"]["detail"].as_str().unwrap().contains("9223372036854775807"),
        "{job}"
    );
    assert_eq!(scratch.everything().await, before);

    let verify = admin.post(&of(id, "/verify"), &json!({"level": "test_restore"})).await;
    let job = admin.job(verify).await;
    assert_eq!(job["error"]["code"], "archive_unrestorable", "{job}");
    scratch
        .execute("insert into users (username, password_hash, role) values ('new', '!', 'teacher')")
        .await;
}

/// The safety backup of a restore that deleted such a row can be restored.
#[on_every_engine]
async fn safety_backup_with_the_last_id_is_restored(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let id = admin.create_backup().await;
    for (table, last) in [("attendance", 5), ("users", 9)] {
        let sql = format!("update {table} set id = {} where id = {last}", i64::MAX);
        scratch.execute(&sql).await;
    }
    let before = admin.digests().await;
    for scope in [json!("all"), json!({"tables": ["users", "attendance"]})] {
        let request = json!({"mode": "replace", "scope": scope});
        let report = admin.done(admin.restore(&id, &request).await).await;
        assert_ne!(admin.digests().await, before);
        let safety = report["safety_archive_id"].as_str().unwrap();
        let verify = admin
            .post(&of(safety, "/verify"), &json!({"level": "test_restore"}))
            .await;
        admin.done(verify).await;
        let plan = admin.plan(safety, &request).await;
        let warnings = plan["warnings"].as_array().unwrap();
        assert!(
            warnings.iter().any(|warning| warning["code"] == "ids_without_room"),
            "{plan}"
        );
        admin.done(admin.restore(safety, &request).await).await;
        assert_eq!(admin.digests().await, before, "{scope}");
    }
}
