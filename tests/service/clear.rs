//! `POST /backup/clear`: what is deleted, what is kept, and the counts of both.

use chrono::{DateTime, Utc};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use harness::{ADMIN_PASSWORD, Client, Engine, School, Service, TABLES, on_every_engine, small_school, varying};

/// Each scope, with the number of rows that it deletes from each table of the small school.
fn scopes() -> [(&'static str, Value); 6] {
    [
        ("attendance", json!({"attendance": 3})),
        ("payments", json!({"payments": 3})),
        ("enrollments", json!({"enrollments": 3})),
        ("courses", json!({"courses": 3, "enrollments": 3, "attendance": 3})),
        (
            "students",
            json!({"students": 5, "enrollments": 3, "payments": 3, "attendance": 3}),
        ),
        (
            "all",
            json!({"users": 3, "students": 5, "courses": 3, "payment_categories": 3, "enrollments": 3, "payments": 3,
                   "attendance": 3}),
        ),
    ]
}

fn sum(counts: &Value) -> u64 {
    counts
        .as_object()
        .unwrap()
        .values()
        .map(|count| count.as_u64().unwrap())
        .sum()
}

async fn of_the_small_school(engine: Engine) -> (School, Service, Client) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    (school, service, admin)
}

#[on_every_engine]
async fn clear_deletes_the_reported_rows(engine: Engine) {
    for (table, removed) in scopes() {
        let (school, _service, admin) = of_the_small_school(engine).await;
        let mut kept = Value::Object(school.scratch.counts().await);
        for (name, count) in removed.as_object().unwrap() {
            kept[name] = (kept[name].as_u64().unwrap() - count.as_u64().unwrap()).into();
        }
        let answer = admin.clear(&json!({"table": table})).await.expect(200).json();
        assert_json_snapshot!(format!("clear_{table}"), answer, {
            ".id" => varying("[id]"),
            ".archive_id" => varying("[id]"),
            ".cleared_at" => varying("[time]"),
            ".undo_until" => varying("[time]"),
        });
        let at: DateTime<Utc> = answer["cleared_at"].as_str().unwrap().parse().unwrap();
        assert!((Utc::now() - at).num_seconds().abs() < 300);
        assert_eq!(Value::Object(school.scratch.counts().await), kept, "{table}");
    }
}

#[on_every_engine]
async fn dry_run_reports_the_same_and_changes_nothing(engine: Engine) {
    let (school, _service, admin) = of_the_small_school(engine).await;
    let before = school.scratch.everything().await;
    for (table, removed) in scopes() {
        let answer = admin
            .clear(&json!({"table": table, "dry_run": true}))
            .await
            .expect(200)
            .json();
        assert_eq!(answer["dry_run"], true);
        assert_eq!(answer["removed"], removed, "{table}");
        assert_eq!(answer["removed_total"], sum(&removed));
        let left: u64 = TABLES.iter().map(|name| answer["kept"][name].as_u64().unwrap()).sum();
        assert_eq!(left + sum(&removed), 25, "{answer}");
        assert_eq!(school.scratch.everything().await, before, "{table}");
    }
}

#[on_every_engine]
async fn inactive_administrators_are_kept_too(engine: Engine) {
    let (school, service, admin) = of_the_small_school(engine).await;
    let sql = "select * from users where role = 'admin' order by id";
    let before = school.scratch.rows(sql).await;
    assert_eq!(before.len(), 2);
    admin.clear(&json!({"table": "all"})).await.expect(200);
    assert_eq!(school.scratch.rows(sql).await, before);
    assert_eq!(school.scratch.count("users").await, 2);
    // The account and its token stay valid.
    admin.get("/backup/stats").await.expect(200);
    service
        .login("admin", ADMIN_PASSWORD)
        .await
        .get("/backup/stats")
        .await
        .expect(200);
}

#[on_every_engine]
async fn clear_of_an_empty_table_succeeds(engine: Engine) {
    let (_school, _service, admin) = of_the_small_school(engine).await;
    admin.clear(&json!({"table": "all"})).await.expect(200);
    for (table, removed) in scopes() {
        let answer = admin.clear(&json!({"table": table})).await.expect(200).json();
        assert_eq!(answer["removed_total"], 0, "{table}");
        assert_eq!(
            answer["removed"].as_object().unwrap().len(),
            removed.as_object().unwrap().len()
        );
    }
}

#[on_every_engine]
async fn clear_with_the_expected_counts_succeeds(engine: Engine) {
    for (table, removed) in scopes() {
        for expected in [json!(sum(&removed)), removed.clone()] {
            let (_school, _service, admin) = of_the_small_school(engine).await;
            let dry = json!({"table": table, "expected_rows": expected, "dry_run": true});
            admin.clear(&dry).await.expect(200);
            let answer = admin
                .clear(&json!({"table": table, "expected_rows": expected, "confirm": table}))
                .await;
            assert_eq!(answer.expect(200).json()["removed"], removed);
        }
    }
}

#[on_every_engine(nightly)]
async fn form_has_the_same_effect(engine: Engine) {
    let (school, _service, admin) = of_the_small_school(engine).await;
    let form = "application/x-www-form-urlencoded";
    let dry = admin
        .post_raw("/backup/clear", form, "table=students&dry_run=true&confirm=students")
        .await;
    let dry = dry.expect(200).json();
    assert_eq!((&dry["dry_run"], &dry["removed_total"]), (&json!(true), &json!(14)));
    assert_eq!(school.scratch.count("students").await, 5);
    let stale = admin
        .post_raw("/backup/clear", form, "table=students&expected_rows=13")
        .await;
    stale.problem(412, "row_count_changed");
    let done = admin
        .post_raw("/backup/clear", form, "table=students&expected_rows=14")
        .await
        .expect(200)
        .json();
    assert_eq!(done["removed_total"], 14);
    assert_eq!(school.scratch.count("students").await, 0);
}

/// Two clears at once: the second waits or is refused, and each row is counted as deleted once.
#[on_every_engine]
async fn simultaneous_clears_count_each_row_once(engine: Engine) {
    let (school, _service, admin) = of_the_small_school(engine).await;
    let clear = json!({"table": "students"});
    let (first, second) = tokio::join!(admin.clear(&clear), admin.clear(&clear));
    let mut total = 0;
    for answer in [first, second] {
        match answer.status.as_u16() {
            200 => total += answer.expect(200).json()["removed_total"].as_u64().unwrap(),
            503 => drop(answer.expect_retry_after(503, "database_busy")),
            _ => assert!(answer.problem(409, "busy")["job_id"].is_string()),
        }
    }
    assert_eq!(total, 14);
    assert_eq!(school.scratch.count("students").await, 0);
}

/// A row that is inserted during a clear is either deleted and counted, or kept.
#[on_every_engine]
async fn rows_inserted_during_a_clear_are_counted_or_kept(engine: Engine) {
    let scratch = harness::Scratch::migrated(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let writer = crate::stats::Writer::start(&scratch).await;
    let mut removed = 0;
    for _ in 0..20 {
        let answer = admin.clear(&json!({"table": "payments"})).await.expect(200).json();
        removed += answer["removed_total"].as_i64().unwrap();
    }
    let written = i64::from(writer.stop().await);
    assert_eq!(removed + scratch.count("payments").await, written);
    assert_eq!(scratch.count("enrollments").await, written);
}
