//! After every kind of request, the logs contain no secret and no personal data.

use serde_json::json;

use harness::service::{JWT_SECRET, Setup};
use harness::{ADMIN_PASSWORD, Engine, WAIT_LIMIT, on_every_engine, small_school, until};

#[on_every_engine]
async fn logs_hold_no_secret(engine: Engine) {
    let school = small_school(engine).await;
    // All log lines of the service, and the warnings of its libraries.
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOG", "debug")
        .start()
        .await;
    let anonymous = service.anonymous();
    let admin = service.admin().await;
    let path = json!({"path": "/backup/download/students"});
    let link = admin.post("/backup/download-links", &path).await.expect(201);
    let link = link.json()["url"].as_str().unwrap().to_owned();
    let link = link[link.find("/backup/").unwrap()..].to_owned();
    let link_token = link.split_once("link=").unwrap().1.to_owned();
    for (name, password) in [("admin", "a wrong pass-phrase"), ("mistyped-Passw0rd-as-name", "x")] {
        let body = json!({"username": name, "password": password});
        anonymous
            .post("/auth/login", &body)
            .await
            .problem(401, "wrong_credentials");
    }
    anonymous.get(&link).await.expect(200);
    anonymous.get(&link).await.problem(410, "link_used");
    anonymous
        .get("/backup/download/users?access_token=query-token-of-a-user")
        .await;
    anonymous.get("/backup/download/users?link=made-up-link-token").await;
    service.bearer("made.up.bearer").get("/backup/stats").await;
    for path in [
        "auth/me",
        "backup/stats",
        "backup/download/users",
        "backup/download/all",
        "backup/download/x",
    ] {
        admin.get(&format!("/{path}")).await;
    }
    admin.get("/backup/download/students?format=xlsx").await.expect(200);
    admin
        .clear(&json!({"table": "students", "confirm": "a secret typed into the wrong field"}))
        .await;
    admin
        .post_raw(
            "/backup/clear",
            "application/json",
            "{\"password\":\"in a broken body\"",
        )
        .await;
    admin.clear(&json!({"table": "all"})).await.expect(200);
    let marker = anonymous.get("/the-last-of-all").await.problem(404, "unknown_path");
    let marker = marker["request_id"].as_str().unwrap().to_owned();
    until("the last request is in the log", WAIT_LIMIT, async || {
        service.logs().contains(&marker)
    })
    .await;

    let said = service.logs() + &service.stdout();
    let forbidden = [
        ADMIN_PASSWORD,
        JWT_SECRET,
        admin.token(),
        &link_token,
        "a wrong pass-phrase",
        "mistyped-Passw0rd-as-name",
        "query-token-of-a-user",
        "made-up-link-token",
        "made.up.bearer",
        "wrong field",
        "broken body",
        "$argon2",
        "@school.example",
        "+91 98765",
        "O'Neil",
        "000123",
    ];
    for secret in forbidden {
        assert!(!said.contains(secret), "`{secret}` is in the log:\n{said}");
    }
    for statement in ["SELECT ", "select ", "INSERT INTO", "DELETE FROM", "UPDATE \""] {
        assert!(!said.contains(statement), "SQL is in the log:\n{said}");
    }
    if let Some(password) = url::Url::parse(school.scratch.url()).unwrap().password() {
        assert!(!said.contains(password), "the database's password is in the log");
    }
}
