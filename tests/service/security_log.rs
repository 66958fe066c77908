//! The security log: user, action and client address.

use serde_json::{Value, json};

use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, Service, WAIT_LIMIT, small_school, until};
use reqwest::Method;

const CLIENT: &str = "203.0.113.7";

/// The events so far, without values that differ in each run.
fn events(service: &Service) -> Vec<Value> {
    let logs = service.logs();
    let lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_security = lines.filter(|line| line["target"] == "campus_backup::security");
    of_security
        .map(|line| {
            assert!(
                !line["span"]["request_id"].is_null() || line["client"].is_null(),
                "{line}"
            );
            let fields = [
                "event", "user", "user_id", "token_id", "client", "path", "table", "id", "status", "reason",
            ];
            let fields = fields.into_iter().filter(|field| !line[*field].is_null());
            fields.map(|field| (field.to_owned(), line[field].clone())).collect()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_are_logged_with_user_client_and_table() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOG_FORMAT", "json")
        .set("CAMPUS_BACKUP_TRUSTED_PROXIES", "127.0.0.0/8");
    let service = setup.start().await;
    let send = async |client: &Client, method: Method, path: &str, body: Value| {
        let request = client.request(method, path).header("X-Forwarded-For", CLIENT);
        Answer::of(request.json(&body)).await
    };
    let sign_in = async |username: &str, password: &str| {
        let body = json!({"username": username, "password": password});
        send(&service.anonymous(), Method::POST, "/auth/login", body).await
    };
    sign_in("mistyped-Passw0rd", "x")
        .await
        .problem(401, "wrong_credentials");
    sign_in("admin", "wrong").await.problem(401, "wrong_credentials");
    sign_in("-old.admin", ADMIN_PASSWORD)
        .await
        .problem(401, "wrong_credentials");
    let admin = sign_in("admin", ADMIN_PASSWORD).await.expect(200).json();
    let admin = service.bearer(admin["access_token"].as_str().unwrap());
    let teacher = sign_in("teacher", ADMIN_PASSWORD).await.expect(200).json();
    let teacher = service.bearer(teacher["access_token"].as_str().unwrap());
    let nothing = json!({});
    send(&teacher, Method::GET, "/backup/stats", nothing.clone())
        .await
        .expect(403);
    send(
        &service.bearer("made.up.token"),
        Method::GET,
        "/backup/stats",
        nothing.clone(),
    )
    .await
    .expect(401);
    send(&admin, Method::GET, "/backup/download/students", nothing.clone())
        .await
        .expect(200);
    let link = json!({"path": "/backup/download/users?format=xlsx"});
    let link = send(&admin, Method::POST, "/backup/download-links", link)
        .await
        .expect(201)
        .json();
    let token = link["url"].as_str().unwrap().split_once("link=").unwrap().1.to_owned();
    let path = "/backup/download/users?link=made-up";
    send(&service.anonymous(), Method::GET, path, nothing.clone())
        .await
        .expect(401);
    // This path is not the one of the link.
    let path = format!("/backup/download/students?link={token}");
    send(&service.anonymous(), Method::GET, &path, nothing.clone())
        .await
        .expect(401);
    let preview = json!({"table": "attendance", "dry_run": true});
    send(&admin, Method::POST, "/backup/clear", preview).await.expect(200);
    send(&admin, Method::POST, "/backup/clear", json!({"table": "attendance"}))
        .await
        .expect(200);
    let restore = "/backup/archives/2026-11-23T09-29-59Z-5f1c2a9b/restore";
    let body = json!({"mode": "replace", "plan_hash": "x"});
    let refused = send(&admin, Method::POST, restore, body).await.status.as_u16();
    send(&admin, Method::DELETE, "/auth/session", nothing.clone())
        .await
        .expect(204);
    send(&admin, Method::GET, "/backup/stats", nothing).await.expect(401);

    let by = |event: &str, user: &str, user_id: u64, rest: Value| {
        let mut event = json!({"event": event, "user": user, "user_id": user_id, "client": CLIENT});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let refusal = |event: &str, reason: &str| json!({"event": event, "client": CLIENT, "reason": reason});
    let old = school
        .scratch
        .number("select id from users where username = '-old.admin'")
        .await;
    let expected = [
        refusal("sign_in_refused", "unknown_user"),
        by("sign_in_refused", "admin", 1, json!({"reason": "wrong_password"})),
        by(
            "sign_in_refused",
            "-old.admin",
            old.try_into().unwrap(),
            json!({"reason": "inactive_user"}),
        ),
        by("sign_in", "admin", 1, json!({})),
        by("sign_in", "teacher", 2, json!({})),
        by(
            "access_refused",
            "teacher",
            2,
            json!({"path": "/backup/stats", "reason": "forbidden"}),
        ),
        json!({
            "event": "token_refused", "client": CLIENT, "path": "/backup/stats", "reason": "the token is not valid",
        }),
        by("download", "admin", 1, json!({"table": "students", "status": 200})),
        by("link_created", "admin", 1, json!({"table": "users", "status": 201})),
        json!({
            "event": "link_refused", "client": CLIENT, "path": "/backup/download/{table}", "reason": "link_invalid",
        }),
        by(
            "link_refused",
            "admin",
            1,
            json!({"path": "/backup/download/{table}", "reason": "link_invalid"}),
        ),
        by(
            "clear_preview",
            "admin",
            1,
            json!({"table": "attendance", "status": 200}),
        ),
        by("clear", "admin", 1, json!({"table": "attendance", "status": 200})),
        by(
            "restore",
            "admin",
            1,
            json!({"id": "2026-11-23T09-29-59Z-5f1c2a9b", "status": refused}),
        ),
        json!({"event": "sign_out", "user_id": 1, "client": CLIENT}),
        by(
            "token_refused",
            "admin",
            1,
            json!({"path": "/backup/stats", "reason": "the session was ended; sign in again"}),
        ),
    ];
    until("the last event is in the log", WAIT_LIMIT, async || {
        events(&service).len() >= expected.len()
    })
    .await;
    let found = events(&service);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
    assert!(!service.logs().contains("mistyped-Passw0rd") && !service.logs().contains("made-up"));
}

/// The log contains the name of an existing account. Other names are left out, because a password may have been typed
/// there.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_attempts_are_logged_with_the_user() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOG_FORMAT", "json")
        .set("CAMPUS_BACKUP_LOGIN_BURST", 1);
    let service = setup.start().await;
    for (username, user) in [
        ("admin", json!({"user": "admin", "user_id": 1})),
        ("mistyped-Passw0rd", json!({})),
    ] {
        let body = json!({"username": username, "password": "wrong"});
        until("there were too many attempts", WAIT_LIMIT, async || {
            service.anonymous().post("/auth/login", &body).await.status.as_u16() == 429
        })
        .await;
        let mut expected = user;
        let refusal = json!({"event": "sign_in_refused", "client": "127.0.0.1", "reason": "too_many_attempts"});
        expected
            .as_object_mut()
            .unwrap()
            .extend(refusal.as_object().unwrap().clone());
        until("it is logged", WAIT_LIMIT, async || {
            events(&service).contains(&expected)
        })
        .await;
    }
    assert!(!service.logs().contains("mistyped-Passw0rd"));
}

/// The signature of an expired token identifies its user.
#[tokio::test(flavor = "multi_thread")]
async fn refused_tokens_are_logged_with_the_user() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOG_FORMAT", "json")
        .set("CAMPUS_BACKUP_TOKEN_LIFETIME", 1);
    let service = setup.start().await;
    let admin = service.admin().await;
    until("the token has expired", WAIT_LIMIT, async || {
        admin.get("/backup/stats").await.status.as_u16() == 401
    })
    .await;
    let expected = json!({
        "event": "token_refused", "user": "admin", "user_id": 1, "client": "127.0.0.1", "path": "/backup/stats",
        "reason": "the token has expired",
    });
    until("it is logged", WAIT_LIMIT, async || {
        events(&service).contains(&expected)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_changes_of_the_command_line_are_logged() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch)
        .installed()
        .await
        .set("CAMPUS_BACKUP_LOG", "info");
    for (arguments, event) in [
        (&["admin", "create", "second"][..], "account_created"),
        (&["admin", "disable", "second"], "account_disabled"),
        (&["admin", "enable", "second"], "account_enabled"),
        (&["token", "create", "cron", "--scope", "read"], "token_created"),
        (&["token", "revoke", "cron"], "token_revoked"),
        (&["admin", "reset-password", "second"], "password_reset"),
        (&["admin", "end-sessions", "second"], "sessions_ended"),
        (&["admin", "end-sessions", "--all"], "all_sessions_ended"),
        (&["admin", "delete", "second", "--yes"], "account_deleted"),
    ] {
        let done = setup.again().arguments(arguments).run().await;
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stderr.contains(event), "{event}: {done:?}");
    }
}

/// Changes of accounts, tokens and passwords name the actor, the token that was used, and the account or token that was changed.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_accounts_are_logged_with_the_actor() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_LOG_FORMAT", "json");
    let service = setup.start().await;
    let admin = service.admin().await;
    let named = json!({"name": "script", "scopes": ["admin"]});
    let named = admin.post("/auth/tokens", &named).await.expect(201).json();
    let script = service.bearer(named["token"].as_str().unwrap());
    let read = json!({"name": "reader", "scopes": ["read"]});
    let read = script.post("/auth/tokens", &read).await.expect(201).json();
    let reader = service.bearer(read["token"].as_str().unwrap());
    let account = json!({"username": "second", "role": "teacher"});
    let account = script.post("/accounts", &account).await.expect(201).json();
    let path = format!("/accounts/{}", account["account"]["id"]);
    reader.delete(&path).await.problem(403, "scope_missing");
    reader.delete("/auth/sessions").await.problem(403, "scope_missing");
    admin.patch(&path, &json!({"is_active": false})).await.expect(200);
    script.post(&format!("{path}/reset"), &json!({})).await.expect(200);
    script.delete(&path).await.expect(204);
    let wrong = json!({"current_password": "wrong", "new_password": "copper-lantern-18-river"});
    admin.post("/auth/password", &wrong).await.expect(422);
    let right = json!({"current_password": harness::ADMIN_PASSWORD, "new_password": "copper-lantern-18-river"});
    admin.post("/auth/password", &right).await.expect(200);
    // An encoded path is the same operation.
    let read = format!("/auth/%74okens/{}", read["id"]);
    script.delete(&read).await.expect(204);

    let id = |value: &Value| value["id"].to_string();
    let (token, account) = (named["id"].clone(), id(&account["account"]));
    let event = |event: &str, rest: Value| {
        let mut event = json!({"event": event, "user": "admin", "user_id": 1, "client": "127.0.0.1"});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let reader_id = read.rsplit('/').next().unwrap();
    let expected = [
        event("sign_in", json!({})),
        event("token_creation", json!({"id": id(&named), "status": 201})),
        event(
            "token_creation",
            json!({"token_id": token, "id": reader_id, "status": 201}),
        ),
        event(
            "account_creation",
            json!({"token_id": token, "id": account, "status": 201}),
        ),
        event(
            "access_refused",
            json!({"path": "/accounts/{id}", "reason": "scope_missing"}),
        ),
        event(
            "access_refused",
            json!({"path": "/auth/sessions", "reason": "scope_missing"}),
        ),
        event("account_change", json!({"id": account, "status": 200})),
        event(
            "account_reset",
            json!({"token_id": token, "id": account, "status": 200}),
        ),
        event(
            "account_deletion",
            json!({"token_id": token, "id": account, "status": 204}),
        ),
        event("password_change_refused", json!({"reason": "wrong_password"})),
        event("password_change", json!({})),
        event(
            "token_revocation",
            json!({"token_id": token, "id": reader_id, "status": 204}),
        ),
    ];
    until("the last event is in the log", WAIT_LIMIT, async || {
        events(&service).len() >= expected.len()
    })
    .await;
    assert_eq!(events(&service), expected);
}
