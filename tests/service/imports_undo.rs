//! An import is undone completely or not at all.

use serde_json::{Value, json};

use harness::archives_rig::ArchivesPlace;
use harness::{Answer, Client, Engine, on_every_engine};

async fn undo(admin: &Client, imported: &Value) -> Answer {
    let id = imported["job"].as_str().unwrap();
    admin.post(&format!("/backup/changes/{id}/undo"), &json!({})).await
}

#[on_every_engine]
async fn every_mode_is_undone(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let before = admin.digests().await;
    let students = "ID,Full Name,Registration Number\r\n1,Ann,000123\r\n,New,N-1\r\n";
    let payments = "Student ID,Amount Paid,Payment Category,Status\r\n1,10.00,Sports,paid\r\n";
    for (table, query, file) in [
        ("students", "mode=upsert", students),
        ("students", "mode=replace", students),
        ("payments", "mode=insert&create_missing=payment_categories", payments),
    ] {
        let imported = admin.import(table, query, file).await;
        assert_ne!(admin.digests().await, before, "{query}");
        let id = imported["job"].as_str().unwrap();
        let change = admin.get(&format!("/backup/changes/{id}")).await.expect(200).json();
        assert_eq!(
            (&change["kind"], &change["undo_until"]),
            (&json!("import"), &imported["undo_until"])
        );
        assert_eq!(change["safety_archive_id"], imported["safety_archive_id"]);
        assert_eq!(change["parameters"]["table"], table);
        let undone = undo(admin, &imported).await.expect(200).json();
        assert_eq!(undone["change_id"], imported["job"]);
        assert_eq!(admin.digests().await, before, "{query}");
        undo(admin, &imported).await.problem(409, "already_undone");
    }
    scratch
        .execute("insert into students (full_name, registration_number) values ('Next', 'n')")
        .await;
    assert!(scratch.number("select max(id) from students").await > 12);
}

#[on_every_engine]
async fn undo_is_blocked_by_rows_that_were_changed_since(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let imported = admin
        .import("students", "", "Full Name,Registration Number\r\nNew,N-1\r\n")
        .await;
    let new = scratch
        .number("select id from students where registration_number = 'N-1'")
        .await;
    for (change, revert) in [
        (
            "update students set phone = '1' where id = 2".to_owned(),
            "update students set phone = null where id = 2".to_owned(),
        ),
        (
            format!("insert into enrollments (id, student_id, course_id) values (99, {new}, 1)"),
            "delete from enrollments where id = 99".to_owned(),
        ),
    ] {
        scratch.execute(&change).await;
        let now = admin.digests().await;
        let problem = undo(admin, &imported).await.problem(409, "undo_blocked");
        assert!(problem["plan"]["tables"]["students"].is_object(), "{problem}");
        assert_eq!(admin.digests().await, now, "{change}");
        scratch.execute(&revert).await;
    }
    undo(admin, &imported).await.expect(200);
    assert_eq!(scratch.count("students").await, 5);
}

#[on_every_engine(nightly)]
async fn import_without_an_effect_leaves_no_safety_backup(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let imported = admin
        .import("courses", "", "Course Name,Seats\r\nNULL,2147483648\r\n")
        .await;
    assert_eq!(
        (&imported["safety_archive_id"], &imported["undo_until"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(admin.archives().await.len(), 0);
    undo(admin, &imported).await.problem(409, "nothing_to_undo");
}

#[on_every_engine(nightly)]
async fn clear_is_also_undone_as_a_change(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let before = admin.digests().await;
    let cleared = admin.clear(&json!({"table": "students"})).await.expect(200).json();
    let path = format!("/backup/changes/{}/undo", cleared["id"].as_str().unwrap());
    let undone = admin.post(&path, &json!({})).await.expect(200).json();
    assert_eq!(undone["tables"]["students"]["inserted"], 5);
    assert_eq!(admin.digests().await, before);
    admin
        .post("/backup/changes/nothing/undo", &json!({}))
        .await
        .problem(404, "unknown_clear");
}
