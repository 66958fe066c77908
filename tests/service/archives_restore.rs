//! `/backup/archives/{id}/restore`: a restore does exactly what its plan says, or changes nothing.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::client::fields;
use harness::{ADMIN_PASSWORD, Engine, TABLES, on_every_engine, varying};

const EVERYTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[on_every_engine(nightly)]
async fn invalid_requests_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, id) = (&place.admin, place.admin.create_backup().await);
    let before = admin.digests().await;
    for (body, named) in [
        (json!({}), "mode"),
        (json!({"mode": "overwrite"}), "mode"),
        (json!({"mode": "merge", "scope": "students"}), "scope"),
        (json!({"mode": "merge", "scope": {"tables": []}}), "scope"),
        (json!({"mode": "merge", "scope": {"tables": ["teachers"]}}), "scope"),
        (
            json!({"mode": "merge", "scope": {"entity": {"table": "courses", "id": 1}}}),
            "scope",
        ),
        (
            json!({"mode": "merge", "scope": {"entity": {"table": "students"}}}),
            "scope",
        ),
        (json!({"mode": "merge", "force": true}), "force"),
    ] {
        let problem = admin
            .post(&of(&id, "/restore-plan"), &body)
            .await
            .problem(422, "invalid_field");
        assert!(fields(&problem)[0].starts_with(named), "{body}: {problem}");
        let mut body = body;
        body["plan_hash"] = json!(EVERYTHING);
        body["confirm"] = json!("restore");
        admin
            .post(&of(&id, "/restore"), &body)
            .await
            .problem(422, "invalid_field");
    }
    let absent = json!({"mode": "merge", "scope": {"entity": {"table": "students", "id": 4711}}});
    admin
        .post(&of(&id, "/restore-plan"), &absent)
        .await
        .problem(422, "archive_row_not_found");
    for confirm in [json!("Restore"), json!("yes"), Value::Null] {
        let body = json!({"mode": "replace", "plan_hash": EVERYTHING, "confirm": confirm});
        admin
            .post(&of(&id, "/restore"), &body)
            .await
            .problem(422, "wrong_confirmation");
    }
    let body = json!({"mode": "replace", "confirm": "restore"});
    assert_eq!(
        fields(
            &admin
                .post(&of(&id, "/restore"), &body)
                .await
                .problem(422, "invalid_field")
        ),
        ["plan_hash"]
    );
    assert_eq!((admin.digests().await, admin.archives().await.len()), (before, 1));
}

/// Clears everything and restores it: the same rows, the same next ids, and all other sessions end.
#[on_every_engine]
async fn restore_of_everything_succeeds(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let other = place.service.login("admin", ADMIN_PASSWORD).await;
    let (id, before) = (admin.create_backup().await, admin.digests().await);
    admin.clear(&json!({"table": "all"})).await.expect(200);
    let cleared = admin.digests().await;
    assert_ne!(cleared, before);
    let plan = admin.plan(&id, &json!({"mode": "replace"})).await;
    assert_json_snapshot!("plan", plan, {".hash" => varying("[hash]")});
    let report = admin.done(admin.restore(&id, &json!({"mode": "replace"})).await).await;
    assert_eq!(admin.digests().await, before);
    assert_eq!(report["archive_id"], id);
    assert_json_snapshot!("report", report, {
        ".archive_id" => varying("[id]"),
        ".safety_archive_id" => varying("[id]"),
        ".restored_at" => varying("[time]"),
    });
    // The administrator who restores stays signed in, with the current password.
    other.get("/backup/stats").await.problem(401, "unauthenticated");
    place.service.login("admin", ADMIN_PASSWORD).await;

    scratch
        .execute("insert into payment_categories (name) values ('Next')")
        .await;
    assert_eq!(scratch.number("select max(id) from payment_categories").await, 4);

    // The safety backup undoes the restore.
    let safety = report["safety_archive_id"].as_str().unwrap();
    assert_eq!(admin.get(&of(safety, "")).await.expect(200).json()["kind"], "safety");
    admin
        .done(admin.restore(safety, &json!({"mode": "replace"})).await)
        .await;
    assert_eq!(admin.digests().await, cleared);
}

/// Archives of every engine are uploaded and restored.
#[on_every_engine]
async fn archives_of_all_engines_are_restored(engine: Engine) {
    for source in Engine::ALL.into_iter().filter(|source| source.is_available()) {
        let origin = ArchivesPlace::on(source).await;
        let id = origin.admin.create_backup().await;
        let file = origin.admin.get(&of(&id, "/file")).await.expect(200).body;
        let place = ArchivesPlace::on(engine).await;
        let admin = &place.admin;
        admin.clear(&json!({"table": "all"})).await.expect(200);
        let upload = admin
            .post_raw(&format!("{ARCHIVES}/upload"), "application/octet-stream", file)
            .await;
        let brought = upload.expect(201).json();
        assert_eq!(brought["engine"], source.name());
        admin
            .done(
                admin
                    .restore(brought["id"].as_str().unwrap(), &json!({"mode": "replace"}))
                    .await,
            )
            .await;
        assert_eq!(admin.digests().await, origin.admin.digests().await, "{source:?}");
    }
}

#[on_every_engine]
async fn every_table_can_be_restored_alone(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let (id, before) = (admin.create_backup().await, admin.digests().await);
    for table in TABLES {
        let change = match table {
            "users" => "update users set email = 'changed@school.example' where id <> 1",
            "students" => "update students set full_name = 'Changed'",
            "courses" => "update courses set fee = 7",
            "payment_categories" => "update payment_categories set description = 'Changed'",
            "enrollments" => "delete from enrollments where id > 1",
            "payments" => "update payments set amount_paid = 7 where id > 1",
            _ => "delete from attendance",
        };
        scratch.execute(change).await;
        let body = json!({"mode": "replace", "scope": {"tables": [table]}});
        let plan = admin.plan(&id, &body).await;
        let changed = ["inserts", "updates", "deletes"].map(|what| plan["tables"][table][what].as_u64().unwrap());
        assert!(changed.iter().sum::<u64>() > 0, "{table}: {plan}");
        admin.done(admin.restore(&id, &body).await).await;
        assert_eq!(admin.digests().await, before, "{table}");
    }
}

#[on_every_engine]
async fn one_student_is_restored_with_all_rows(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let (id, before) = (admin.create_backup().await, admin.digests().await);
    for table in ["attendance", "payments", "enrollments"] {
        scratch
            .execute(&format!("delete from {table} where student_id = 1"))
            .await;
    }
    scratch.execute("delete from students where id = 1").await;
    let body = json!({"mode": "merge", "scope": {"entity": {"table": "students", "id": 1}}});
    let report = admin.done(admin.restore(&id, &body).await).await;
    assert_eq!(report["tables"]["students"]["inserted"], 1, "{report}");
    assert_eq!(admin.digests().await, before);
}

#[on_every_engine]
async fn each_mode_keeps_its_rows(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let id = admin.create_backup().await;
    scratch
        .execute("update courses set name = 'Changed' where id = 1")
        .await;
    scratch
        .execute("insert into courses (id, name, fee, seats) values (77, 'New', 1, 1)")
        .await;
    scratch.execute("delete from attendance").await;
    let names = async || {
        let rows = scratch
            .rows("select name from courses where id in (1, 77) order by id")
            .await;
        rows.into_iter().map(|row| row[0].clone().unwrap()).collect::<Vec<_>>()
    };
    admin
        .done(admin.restore(&id, &json!({"mode": "insert_missing"})).await)
        .await;
    assert_eq!(
        (names().await, scratch.count("attendance").await),
        (vec!["Changed".to_owned(), "New".to_owned()], 3)
    );
    admin.done(admin.restore(&id, &json!({"mode": "merge"})).await).await;
    assert_eq!(names().await, ["Mathematics, \"Advanced\"", "New"]);
    admin.done(admin.restore(&id, &json!({"mode": "replace"})).await).await;
    assert_eq!(names().await, ["Mathematics, \"Advanced\""]);
}

/// Rows that were written after the plan are not overwritten.
#[on_every_engine]
async fn outdated_plan_is_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, scratch) = (&place.admin, &place.school.scratch);
    let id = admin.create_backup().await;
    let plan = admin.plan(&id, &json!({"mode": "replace"})).await;
    scratch
        .execute("update payments set amount_paid = 7 where id = 1")
        .await;
    let before = admin.digests().await;
    let body = json!({"mode": "replace", "plan_hash": plan["hash"], "confirm": "restore"});
    let job = admin.job(admin.post(&of(&id, "/restore"), &body).await).await;
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("failed"), &json!("plan_outdated")),
        "{job}"
    );
    // Another request has another plan.
    let merge = admin.plan(&id, &json!({"mode": "merge"})).await;
    let body = json!({"mode": "replace", "plan_hash": merge["hash"], "confirm": "restore"});
    let job = admin.job(admin.post(&of(&id, "/restore"), &body).await).await;
    assert_eq!(job["error"]["code"], "plan_outdated", "{job}");
    assert_eq!(admin.digests().await, before);
    assert_eq!(
        admin.archives().await.len(),
        1,
        "a safety archive that nothing needs is left"
    );
}
