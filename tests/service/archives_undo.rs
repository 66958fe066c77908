//! `/backup/clear/{id}/undo`: a clear is undone completely or not at all.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use harness::archives_rig::{ArchivesPlace, of};
use harness::service::Setup;
use harness::{Answer, Client, Engine, WAIT_LIMIT, on_every_engine, small_school, until, varying};

async fn undo(admin: &Client, id: &str) -> Answer {
    admin.post(&format!("/backup/clear/{id}/undo"), &json!({})).await
}

fn id(answer: &Value) -> &str {
    answer["id"].as_str().unwrap()
}

#[on_every_engine]
async fn every_clear_is_undone(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let before = admin.digests().await;
    for table in ["attendance", "payments", "enrollments", "courses", "students", "all"] {
        let cleared = admin.clear(&json!({"table": table})).await.expect(200).json();
        assert_ne!(admin.digests().await, before, "{table}");
        let at: DateTime<Utc> = cleared["cleared_at"].as_str().unwrap().parse().unwrap();
        let until: DateTime<Utc> = cleared["undo_until"].as_str().unwrap().parse().unwrap();
        assert_eq!(until - at, TimeDelta::days(7));
        let archive = admin
            .get(&of(cleared["archive_id"].as_str().unwrap(), ""))
            .await
            .expect(200)
            .json();
        assert_eq!((&archive["kind"], &archive["sha256"]), (&json!("safety"), &before));
        assert_eq!(archive["label"], format!("before clearing {table}"));

        let undone = undo(admin, id(&cleared)).await.expect(200).json();
        assert_eq!(undone["restored"], cleared["removed"], "{table}");
        assert_eq!(undone["restored_total"], cleared["removed_total"]);
        assert_eq!(
            (&undone["clear_id"], &undone["archive_id"]),
            (&cleared["id"], &cleared["archive_id"])
        );
        assert_eq!(admin.digests().await, before, "{table}");
        undo(admin, id(&cleared)).await.problem(409, "already_undone");
    }
    scratch
        .execute("insert into payment_categories (name) values ('Next')")
        .await;
    assert_eq!(scratch.number("select max(id) from payment_categories").await, 4);
}

#[on_every_engine]
async fn undo_keeps_newer_rows(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let cleared = admin.clear(&json!({"table": "students"})).await.expect(200).json();
    scratch
        .execute("insert into students (full_name, registration_number) values ('New', 'new')")
        .await;
    let new = scratch.number("select id from students").await;
    undo(admin, id(&cleared)).await.expect(200);
    assert_eq!(scratch.count("students").await, 6);
    assert_eq!(
        scratch
            .number("select id from students where registration_number = 'new'")
            .await,
        new
    );
}

/// A row with the same id, a row with the same unique value, and a missing referenced row.
#[on_every_engine]
async fn undo_names_its_blockers(engine: Engine) {
    for (name, clear, change) in [
        (
            "undo_of_an_id_in_use",
            "payments",
            "insert into payments (id, student_id, category_id, amount_paid, status) values (1, 1, 1, 7, 'paid')",
        ),
        (
            "undo_of_a_number_in_use",
            "students",
            "insert into students (full_name, registration_number) values ('Other', '000123')",
        ),
        (
            "undo_without_its_student",
            "payments",
            "delete from students where id = 1",
        ),
    ] {
        let place = ArchivesPlace::on(engine).await;
        let (admin, scratch) = (&place.admin, &place.school.scratch);
        let cleared = admin.clear(&json!({"table": clear})).await.expect(200).json();
        if change.starts_with("delete") {
            scratch.execute("delete from attendance where student_id = 1").await;
            scratch.execute("delete from enrollments where student_id = 1").await;
        }
        scratch.execute(change).await;
        let before = admin.digests().await;
        let problem = undo(admin, id(&cleared)).await.problem(409, "undo_blocked");
        insta::assert_json_snapshot!(name, problem, {
            ".request_id" => varying("[id]"),
            ".job_id" => varying("[id]"),
            ".plan.hash" => varying("[hash]"),
        });
        assert_eq!(admin.digests().await, before, "{change}");
    }
}

#[on_every_engine(nightly)]
async fn impossible_undo_is_refused(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let admin = service.admin().await;
    undo(&admin, "01890000-0000-7000-8000-000000000000")
        .await
        .problem(404, "unknown_clear");
    undo(&admin, "x").await.problem(404, "unknown_clear");
    let taken = admin.post("/backup/archives", &json!({})).await.expect(202).json();
    admin.ended(&format!("/backup/jobs/{}", id(&taken))).await;
    undo(&admin, id(&taken)).await.problem(404, "unknown_clear");

    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    let again = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    assert_eq!(
        (&again["archive_id"], &again["undo_until"]),
        (&Value::Null, &Value::Null)
    );
    undo(&admin, id(&again)).await.problem(409, "nothing_to_undo");
    let before = admin.digests().await;
    admin
        .delete(&of(cleared["archive_id"].as_str().unwrap(), "?force=true"))
        .await
        .expect(204);
    undo(&admin, id(&cleared)).await.problem(410, "archive_gone");
    service.stop().await;

    let service = setup.again().set("CAMPUS_BACKUP_UNDO_WINDOW", 1).start().await;
    let admin = service.admin().await;
    let cleared = admin.clear(&json!({"table": "payments"})).await.expect(200).json();
    let undo_until: DateTime<Utc> = cleared["undo_until"].as_str().unwrap().parse().unwrap();
    until("the time for an undo is over", WAIT_LIMIT, async || {
        Utc::now() > undo_until
    })
    .await;
    let expired = undo(&admin, id(&cleared)).await.problem(410, "undo_expired");
    let archive = cleared["archive_id"].as_str().unwrap();
    assert!(
        expired.to_string().contains(archive),
        "the archive is still there: {expired}"
    );
    let body = json!({"mode": "merge", "scope": {"tables": ["payments"]}});
    admin.done(admin.restore(archive, &body).await).await;
    assert_eq!(admin.digests().await, before);
}
