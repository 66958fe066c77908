//! `POST /backup/clear`: refusals, after which nothing has changed.

use serde_json::{Value, json};

use harness::client::fields;
use harness::service::Setup;
use harness::{Answer, Client, Engine, School, Service, Wire, on_every_engine, small_school};

const CLEAR: &str = "/backup/clear";
const CLEARABLE: [&str; 6] = ["students", "courses", "payments", "attendance", "enrollments", "all"];

/// Checks at the end of the test that nothing has changed.
struct UnchangedCheck {
    school: School,
    before: Vec<Vec<Vec<Option<String>>>>,
    service: Service,
    admin: Client,
}

impl UnchangedCheck {
    async fn school(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let before = school.scratch.everything().await;
        let service = Service::on(&school.scratch).await;
        let admin = service.admin().await;
        Self {
            school,
            before,
            service,
            admin,
        }
    }

    async fn assert(&self) {
        assert_eq!(self.school.scratch.everything().await, self.before);
    }
}

#[on_every_engine(nightly)]
async fn table_outside_the_scopes_is_refused(engine: Engine) {
    let school = UnchangedCheck::school(engine).await;
    for table in [
        "users",
        "payment_categories",
        "grades",
        "",
        "Students",
        "students ",
        "backup_download_links",
        "students; drop table students",
        "' OR '1'='1",
        "😀",
    ] {
        let problem = school
            .admin
            .clear(&json!({"table": table}))
            .await
            .problem(422, "unknown_table");
        let detail = problem["detail"].as_str().unwrap();
        for allowed in CLEARABLE {
            assert!(detail.contains(allowed), "{allowed} is not named: {detail}");
        }
        assert_eq!(fields(&problem), ["table"]);
    }
    school
        .admin
        .clear(&json!({"table": "students\0"}))
        .await
        .problem(422, "invalid_field");
    school.assert().await;
}

#[on_every_engine]
async fn stale_expectations_are_refused(engine: Engine) {
    let school = UnchangedCheck::school(engine).await;
    for (table, expected) in [
        ("students", json!(0)),
        ("students", json!(13)),
        ("students", json!(15)),
        (
            "students",
            json!({"students": 5, "enrollments": 3, "payments": 3, "attendance": 2}),
        ),
        ("students", json!({"students": 4})),
        ("attendance", json!({"attendance": 4})),
        ("all", json!(25)),
    ] {
        for dry_run in [false, true] {
            let body = json!({"table": table, "expected_rows": expected, "dry_run": dry_run});
            let problem = school.admin.clear(&body).await.problem(412, "row_count_changed");
            assert!(!fields(&problem).is_empty(), "{problem}");
        }
    }
    let body = json!({"table": "students", "expected_rows": {"students": 5, "payments": 9}});
    let problem = school.admin.clear(&body).await.problem(412, "row_count_changed");
    assert!(problem.to_string().contains("payments"), "{problem}");
    school.assert().await;
}

#[on_every_engine(nightly)]
async fn wrong_confirmations_are_refused(engine: Engine) {
    let school = UnchangedCheck::school(engine).await;
    for confirm in ["", "Students", "yes", "true", "all", "students ", "' OR '1'='1"] {
        let body = json!({"table": "students", "confirm": confirm});
        school.admin.clear(&body).await.problem(422, "wrong_confirmation");
    }
    school.assert().await;
}

/// SQL in every text field.
#[on_every_engine]
async fn sql_in_fields_is_refused(engine: Engine) {
    let school = UnchangedCheck::school(engine).await;
    let sql = "students'; delete from users; --";
    for body in [
        json!({"table": sql}),
        json!({"table": "students", "confirm": sql}),
        json!({"table": "students", "expected_rows": sql}),
        json!({"table": "students", "expected_rows": {sql: 1}}),
        json!({"table": "students", "dry_run": sql}),
        json!({"table": "students", sql: 1}),
    ] {
        let answer = school.admin.clear(&body).await;
        assert_eq!(answer.status.as_u16(), 422, "{body}: {answer:?}");
    }
    for path in [
        format!("/backup/download/{sql}"),
        format!("/backup/download/students?format={sql}"),
    ] {
        assert!(school.admin.get(&path).await.status.is_client_error());
    }
    school.assert().await;
}

/// Bodies that are not a clear request. None of them may have an effect.
#[tokio::test(flavor = "multi_thread")]
async fn invalid_bodies_are_refused() {
    let school = UnchangedCheck::school(Engine::Sqlite).await;
    let admin = &school.admin;
    for body in [
        "",
        " ",
        "{",
        "}",
        "{\"table\":\"all\"",
        "{\"table\":\"all\"}x",
        "{'table':'all'}",
        "\u{0}",
        "{\"table\":\"\\ud800\"}",
    ] {
        admin
            .post_raw(CLEAR, "application/json", body)
            .await
            .problem(400, "malformed_body");
    }
    let invalid_utf8 = admin
        .post_raw(CLEAR, "application/json", &b"{\"table\":\"\xff\"}"[..])
        .await;
    invalid_utf8.problem(400, "malformed_body");
    let deep = "[".repeat(50_000);
    admin
        .post_raw(CLEAR, "application/json", deep)
        .await
        .problem(400, "malformed_body");
    for (body, field) in [
        (json!({"table": 7}), "table"),
        (json!({"table": null}), "table"),
        (json!({"table": ["all"]}), "table"),
        (json!({}), "table"),
        (json!({"dry_run": true}), "table"),
        (json!({"table": "all", "dry_run": "perhaps"}), "dry_run"),
        (json!({"table": "all", "dry_run": 1}), "dry_run"),
        (json!({"table": "all", "expected_rows": -1}), "expected_rows"),
        (json!({"table": "all", "expected_rows": 1.5}), "expected_rows"),
        (json!({"table": "all", "expected_rows": "many"}), "expected_rows"),
        (json!({"table": "all", "confirm": 7}), "confirm"),
        (json!({"table": "all", "force": true}), "force"),
        (json!({"table": "all", "Dry_run": true}), "Dry_run"),
    ] {
        let problem: Value = admin.clear(&body).await.problem(422, "invalid_field");
        assert_eq!(fields(&problem), [field], "{body}");
    }
    for expected in [
        json!({"grades": 1}),
        json!({"students": "x"}),
        json!({"students": -1}),
        // A clear of the students deletes no courses.
        json!({"courses": 3}),
        json!([5]),
    ] {
        let problem = admin
            .clear(&json!({"table": "students", "expected_rows": expected}))
            .await;
        let problem = problem.problem(422, "invalid_field");
        assert!(fields(&problem)[0].starts_with("expected_rows"), "{problem}");
    }
    for body in [json!([]), json!("all"), json!(null), json!(1)] {
        assert_eq!(admin.clear(&body).await.status.as_u16(), 422, "{body}");
    }
    school.assert().await;
}

/// The second `dry_run` must not override the first.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_field_is_refused() {
    let school = UnchangedCheck::school(Engine::Sqlite).await;
    for (content_type, body) in [
        (
            "application/json",
            "{\"table\":\"all\",\"dry_run\":true,\"dry_run\":false}",
        ),
        ("application/json", "{\"table\":\"attendance\",\"table\":\"all\"}"),
        (
            "application/x-www-form-urlencoded",
            "table=all&dry_run=true&dry_run=false",
        ),
        ("application/x-www-form-urlencoded", "table=attendance&table=all"),
    ] {
        let answer = school.admin.post_raw(CLEAR, content_type, body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{body}: {answer:?}");
    }
    school.assert().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_forms_are_refused() {
    let school = UnchangedCheck::school(Engine::Sqlite).await;
    let form = "application/x-www-form-urlencoded";
    school
        .admin
        .post_raw(CLEAR, form, "")
        .await
        .problem(400, "malformed_body");
    for (body, code) in [
        ("table=grades", "unknown_table"),
        ("dry_run=true", "invalid_field"),
        ("table=all&force=1", "invalid_field"),
        ("table=all&dry_run=perhaps", "invalid_field"),
        ("table=all&expected_rows=many", "invalid_field"),
        ("table=students&confirm=yes", "wrong_confirmation"),
        ("{\"table\":\"all\"}", "invalid_field"),
    ] {
        school.admin.post_raw(CLEAR, form, body).await.problem(422, code);
    }
    school.assert().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_media_types_are_refused() {
    let school = UnchangedCheck::school(Engine::Sqlite).await;
    for content_type in [
        "text/plain",
        "text/json",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "x",
    ] {
        let answer = school.admin.post_raw(CLEAR, content_type, "{\"table\":\"all\"}").await;
        answer.problem(415, "unsupported_media_type");
    }
    let without = school
        .admin
        .request(reqwest::Method::POST, CLEAR)
        .body("{\"table\":\"all\"}");
    Answer::of(without).await.problem(415, "unsupported_media_type");
    school.assert().await;
    let answer = school
        .admin
        .post_raw(
            CLEAR,
            "application/json; charset=utf-8",
            "{\"table\":\"all\",\"dry_run\":true}",
        )
        .await;
    answer.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_body_is_refused() {
    let school = UnchangedCheck::school(Engine::Sqlite).await;
    let large = format!("{{\"table\":\"all\",\"confirm\":\"{}\"}}", "x".repeat(10 << 20));
    let problem = school
        .admin
        .post_raw(CLEAR, "application/json", large.clone())
        .await
        .problem(413, "body_too_large");
    assert!(
        problem["detail"].as_str().unwrap().contains("65536"),
        "the limit is named: {problem}"
    );
    // The same body in chunks, without a length in advance.
    let chunks = futures_util::stream::iter((0..160).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 16])));
    let answer = school
        .admin
        .post_raw(CLEAR, "application/json", reqwest::Body::wrap_stream(chunks))
        .await;
    answer.problem(413, "body_too_large");
    let memory = school.service.memory().now;
    assert!(memory < 256 << 20, "{} MiB", memory >> 20);
    school.assert().await;
}

/// A body that arrives byte by byte holds its connection only for a limited time.
#[tokio::test(flavor = "multi_thread")]
async fn missing_body_times_out() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_BODY_TIMEOUT", 1)
        .start()
        .await;
    let admin = service.admin().await;
    let bearer = format!("Authorization: Bearer {}", admin.token());
    let lines = [bearer.as_str(), "Content-Type: application/json", "Content-Length: 15"];
    let mut wire = Wire::send(&service, "POST", CLEAR, &lines).await;
    wire.write(b"{\"table\"").await.unwrap();
    let head = wire.head().await;
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    let body: Value = serde_json::from_slice(&wire.ending().await.whole()).unwrap();
    assert_eq!(body["code"], "request_timeout");
    assert_eq!(school.scratch.count("students").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmation_can_be_required() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_REQUIRE_CONFIRMATION", true)
        .start()
        .await;
    let admin = service.admin().await;
    admin
        .clear(&json!({"table": "attendance"}))
        .await
        .problem(422, "wrong_confirmation");
    assert_eq!(school.scratch.count("attendance").await, 3);
    admin
        .clear(&json!({"table": "attendance", "dry_run": true}))
        .await
        .expect(200);
    admin
        .clear(&json!({"table": "attendance", "confirm": "attendance"}))
        .await
        .expect(200);
    assert_eq!(school.scratch.count("attendance").await, 0);
}
