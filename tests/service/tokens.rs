//! Named tokens: `/auth/tokens`, `campus-backup token`, and the scopes of all operations.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::client::fields;
use harness::service::Setup;
use harness::wire::Wire;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, Service, WAIT_LIMIT, on_every_engine, small_school, until};
use reqwest::Method;

const TOKENS: &str = "/auth/tokens";
const OTHER_PASSWORD: &str = "copper-lantern-18-river";
const SCOPES: [&str; 4] = ["read", "backup", "restore", "admin"];

async fn create(admin: &Client, body: &Value) -> Value {
    admin.post(TOKENS, body).await.expect(201).json()
}

/// A client with a new token that has one scope.
async fn script(service: &Service, admin: &Client, scope: &str) -> Client {
    script_with(service, admin, &[scope]).await
}

/// A client with a new token that has these scopes.
async fn script_with(service: &Service, admin: &Client, scopes: &[&str]) -> Client {
    let created = create(admin, &json!({"name": scopes.join(" "), "scopes": scopes})).await;
    service.bearer(created["token"].as_str().unwrap())
}

#[on_every_engine]
async fn token_is_shown_once_listed_used_and_revoked_on_every_copy(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let copy = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let body =
        json!({"name": "nightly", "scopes": ["backup", "read", "read"], "expires_at": "2030-01-01T00:00:00+01:00"});
    let created = create(&admin, &body).await;
    let secret = created["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("cbt_"), "{created}");
    assert_eq!(created["scopes"], json!(["read", "backup"]));
    assert_eq!(created["expires_at"], "2029-12-31T23:00:00Z");
    for service in [&service, &copy] {
        let script = service.bearer(&secret);
        script.get("/backup/stats").await.expect(200);
        let me = script.get("/auth/me").await.expect(200).json();
        assert_eq!(
            (&me["username"], &me["token"]["name"], &me["token"]["scopes"]),
            (&json!("admin"), &json!("nightly"), &json!(["read", "backup"]))
        );
    }
    let listed = admin.get(TOKENS).await.expect(200);
    assert!(!listed.text().contains(&secret));
    let listed = listed.json();
    assert_eq!(
        (&listed["total"], &listed["items"][0]["token"]),
        (&json!(1), &json!(null))
    );
    assert!(listed["items"][0]["last_used_at"].is_string(), "{listed}");
    assert_eq!(listed["items"][0]["last_used_from"], "127.0.0.1");
    admin.post(TOKENS, &body).await.problem(409, "token_name_taken");
    assert_eq!(admin.get("/accounts/1").await.expect(200).json()["tokens"], 1);
    // A new password and the end of the session leave it, because scripts continue.
    let body = json!({"current_password": ADMIN_PASSWORD, "new_password": OTHER_PASSWORD});
    let changed = admin.post("/auth/password", &body).await.expect(200).json();
    copy.bearer(&secret).get("/backup/stats").await.expect(200);
    let admin = service.bearer(changed["access_token"].as_str().unwrap());
    admin.delete("/auth/session").await.expect(204);
    copy.bearer(&secret).get("/backup/stats").await.expect(200);

    let admin = copy.login("admin", OTHER_PASSWORD).await;
    admin.delete(&format!("{TOKENS}/{}", created["id"])).await.expect(204);
    for service in [&service, &copy] {
        let refused = service.bearer(&secret).get("/backup/stats").await;
        assert!(
            refused.header("www-authenticate").contains("invalid_token"),
            "{refused:?}"
        );
        refused.problem(401, "unauthenticated");
    }
    for id in ["0", "x", "99999999999999999999"] {
        let path = format!("{TOKENS}/{id}");
        admin.delete(&path).await.problem(404, "unknown_token");
    }
    // "Sign out everywhere" is for a stolen account, whose thief may have made tokens.
    let script = script(&service, &admin, "read").await;
    script.get("/backup/stats").await.expect(200);
    admin.delete("/auth/sessions").await.expect(204);
    script.get("/backup/stats").await.problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_tokens_are_refused() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    for (body, named) in [
        (json!({"scopes": ["read"]}), "name"),
        (json!({"name": "x"}), "scopes"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": ["write"]}), "scopes"),
        (json!({"name": "x", "scopes": "read"}), "scopes"),
        (json!({"name": " ", "scopes": ["read"]}), "name"),
        (
            json!({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (
            json!({"name": "x", "scopes": ["read"], "expires_at": "tomorrow"}),
            "expires_at",
        ),
        (json!({"name": "x", "scopes": ["read"], "token": "cbt_1"}), "token"),
    ] {
        let refused = admin.post(TOKENS, &body).await.problem(422, "invalid_field");
        assert!(fields(&refused)[0].starts_with(named), "{body}: {refused}");
    }
    assert_eq!(admin.get(TOKENS).await.expect(200).json()["total"], 0);
    let teacher = service.login("teacher", ADMIN_PASSWORD).await;
    teacher.get(TOKENS).await.problem(403, "forbidden");
}

/// Each operation refuses each token exactly as the document says.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_needs_the_scope_that_the_document_states() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let mut scripts = BTreeMap::new();
    for scope in SCOPES {
        scripts.insert(scope, script(&service, &admin, scope).await);
    }
    let document = admin.get("/api-docs/openapi.json").await.expect(200).json();
    let before = school.scratch.everything().await;
    let mut walked = BTreeMap::<String, usize>::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if !operation["security"].is_null() || !operation["responses"].is_object() {
                continue;
            }
            let name = format!("{method} {path}");
            let method: Method = method.to_uppercase().parse().unwrap();
            let filled = path.replace("{table}", "students").replace("{id}", "1");
            let needed = operation["x-required-scope"].as_str();
            for (held, script) in &scripts {
                let call = async |path: &str| {
                    let request = script.request(method.clone(), path);
                    let request = if method == Method::GET {
                        request
                    } else {
                        request.json(&json!({}))
                    };
                    Answer::of(request).await
                };
                if needed.is_none_or(|needed| needed == *held || *held == "admin") {
                    // The operation is reached, and refuses the parameter before it does anything.
                    let required = if path == "/backup/diff" { "from=live&to=1&" } else { "" };
                    let reached = call(&format!("{filled}?{required}colour=blue")).await;
                    assert_eq!(reached.status.as_u16(), 422, "{name} with {held}: {reached:?}");
                    assert_eq!(fields(&reached.problem(422, "invalid_field")), ["colour"], "{name}");
                    continue;
                }
                let needed = needed.unwrap();
                let refused = call(&filled).await;
                assert_eq!(refused.status.as_u16(), 403, "{name} with {held}: {refused:?}");
                let challenge = refused.header("www-authenticate").to_owned();
                assert!(
                    challenge.contains(&format!("error=\"insufficient_scope\", scope=\"{needed}\"")),
                    "{name} with {held}: {challenge}"
                );
                let problem = refused.problem(403, "scope_missing");
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.contains(&format!("`{needed}`")), "{name} with {held}: {detail}");
            }
            *walked.entry(needed.unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    for scope in SCOPES {
        assert!(walked[scope] >= 5, "{walked:?}");
    }
    assert_eq!(walked[""], 1, "only /auth/me needs no scope");
    assert_eq!(school.scratch.everything().await, before);

    // Another form of a path does not lead past its scope, and what does not exist is still not there.
    let read = &scripts["read"];
    read.post("/backup/%63lear", &json!({"table": "students"}))
        .await
        .problem(403, "scope_missing");
    read.get("/backup/%73tats").await.expect(200);
    read.head("/backup/stats").await.expect(200);
    read.get("/backup/nothing").await.problem(404, "unknown_path");
    read.post("/backup/stats", &json!({}))
        .await
        .problem(405, "method_not_allowed");
    assert_eq!(school.scratch.everything().await, before);
}

/// The hashes of the passwords are for `backup`, and what leads to a deletion is for `restore`.
#[tokio::test(flavor = "multi_thread")]
async fn scopes_hold_for_what_a_request_reaches() {
    let place = ArchivesPlace::on(Engine::Sqlite).await;
    let (service, admin) = (&place.service, &place.admin);
    let id = admin.create_backup().await;
    let missing = async |answer: Answer, scope: &str| {
        let problem = answer.problem(403, "scope_missing");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("`{scope}`")), "{detail}");
    };
    let [read, backup, restore] = [
        script_with(service, admin, &["read"]).await,
        script_with(service, admin, &["read", "backup"]).await,
        script_with(service, admin, &["read", "restore"]).await,
    ];
    let file = of(&id, "/file");
    let (table, csv) = (of(&id, "/download/users?format=json"), of(&id, "/download/users"));
    for path in [
        "/backup/download/all",
        "/backup/download/users?format=json",
        &file,
        &table,
    ] {
        let link = json!({"path": path});
        for script in [&read, &restore] {
            missing(script.get(path).await, "backup").await;
            script.head(path).await.problem(403, "scope_missing");
            missing(script.post("/backup/download-links", &link).await, "backup").await;
        }
        backup.get(path).await.expect(200);
        backup.post("/backup/download-links", &link).await.expect(201);
    }
    for path in ["/backup/download/users", "/backup/download/students?format=json", &csv] {
        let downloaded = read.get(path).await.expect(200).text();
        assert!(!downloaded.contains("$argon2"), "{path}");
        let link = json!({"path": path});
        read.post("/backup/download-links", &link).await.expect(201);
    }

    // Retention deletes archives without protection, and continues after an acceptance.
    let path = of(&id, "");
    backup.patch(&path, &json!({"protected": true})).await.expect(200);
    missing(backup.patch(&path, &json!({"protected": false})).await, "restore").await;
    assert_eq!(admin.get(&path).await.expect(200).json()["protected"], true);
    missing(backup.post(&of(&id, "/accept"), &json!({})).await, "restore").await;
    let both = script_with(service, admin, &["read", "backup", "restore"]).await;
    both.patch(&path, &json!({"protected": false})).await.expect(200);

    // Only a token that could start a job cancels it. These have ended, so the others are told that.
    admin.clear(&json!({"table": "attendance"})).await.expect(200);
    for (kind, allowed, refused, scope) in [
        ("archive", &backup, &restore, "backup"),
        ("clear", &restore, &backup, "restore"),
    ] {
        let jobs = read.get(&format!("/backup/jobs?kind={kind}")).await.expect(200).json();
        let cancel = format!("/backup/jobs/{}/cancel", jobs["items"][0]["id"].as_str().unwrap());
        missing(refused.post(&cancel, &json!({})).await, scope).await;
        allowed.post(&cancel, &json!({})).await.problem(409, "not_cancellable");
    }
}

/// A restore leaves the tokens of administrators, also its own. The token of an account that is no administrator any more ends.
#[on_every_engine]
async fn tokens_stay_after_a_restore_with_their_administrators(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (service, admin) = (&place.service, &place.admin);
    let new = async |username: &str, role: &str, password: Option<&str>| {
        let body = json!({"username": username, "role": role, "password": password});
        admin.post("/accounts", &body).await.expect(201).json()
    };
    let second = new("second", "teacher", Some(OTHER_PASSWORD)).await;
    let third = new("third", "teacher", None).await;
    let one_time = third["password"].as_str().unwrap();
    let id = admin.create_backup().await;

    let second = format!("/accounts/{}", second["account"]["id"]);
    admin.patch(&second, &json!({"role": "admin"})).await.expect(200);
    let theirs = service.login("second", OTHER_PASSWORD).await;
    let theirs = script(service, &theirs, "read").await;
    theirs.get("/backup/stats").await.expect(200);
    service.first_login("third", one_time).await;
    let mine = script(service, admin, "admin").await;
    let request = json!({"mode": "replace", "disable_administrators": true});
    mine.done(mine.restore(&id, &request).await).await;

    assert_eq!(mine.get(TOKENS).await.expect(200).json()["total"], 1);
    let restored = mine.get(&second).await.expect(200).json();
    assert_eq!((&restored["role"], &restored["tokens"]), (&json!("teacher"), &json!(0)));
    theirs.get("/backup/stats").await.problem(401, "unauthenticated");
    admin.get("/backup/stats").await.problem(401, "unauthenticated");
    // The archive has the one-time password, which was changed since. It must be changed again.
    let body = json!({"username": "third", "password": one_time});
    let again = service.anonymous().post("/auth/login", &body).await.expect(200).json();
    assert_eq!(again["password_change_required"], true);
}

/// The token is revoked between the headers of a request and its body.
#[tokio::test(flavor = "multi_thread")]
async fn body_after_the_end_of_its_token_is_refused() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let restore = format!("{ARCHIVES}/2026-11-23T09-29-59Z-5f1c2a9b/restore");
    for (path, body) in [
        (TOKENS, json!({"name": "thief", "scopes": ["admin"]})),
        ("/accounts", json!({"username": "thief", "role": "admin"})),
        (
            restore.as_str(),
            json!({"mode": "replace", "plan_hash": "x", "confirm": "restore"}),
        ),
    ] {
        let created = create(&admin, &json!({"name": "script", "scopes": ["admin"]})).await;
        let body = body.to_string();
        let (first, last) = body.split_at(body.len() - 1);
        let lines = [
            format!("Authorization: Bearer {}", created["token"].as_str().unwrap()),
            "Content-Type: application/json".to_owned(),
            format!("Content-Length: {}", body.len()),
        ];
        let mut wire = Wire::send(&service, "POST", path, &lines.each_ref().map(String::as_str)).await;
        wire.write(first.as_bytes()).await.unwrap();
        until("the token is used", WAIT_LIMIT, async || {
            let listed = admin.get(TOKENS).await.expect(200).json();
            listed["items"][0]["last_used_at"].is_string()
        })
        .await;
        admin.delete(&format!("{TOKENS}/{}", created["id"])).await.expect(204);
        wire.write(last.as_bytes()).await.unwrap();
        let head = wire.head().await;
        assert!(head.starts_with("HTTP/1.1 401 "), "{path}: {head}");
    }
    assert_eq!(admin.get(TOKENS).await.expect(200).json()["total"], 0);
}

/// A link has the rights of the token that created it, for as long as it has them.
#[tokio::test(flavor = "multi_thread")]
async fn download_link_ends_with_its_token() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let path = json!({"path": "/backup/download/students"});
    let backup = script(&service, &admin, "backup").await;
    backup
        .post("/backup/download-links", &path)
        .await
        .problem(403, "scope_missing");
    let read = script(&service, &admin, "read").await;
    let link = async || {
        let created = read.post("/backup/download-links", &path).await.expect(201).json();
        let url = created["url"].as_str().unwrap().to_owned();
        url.strip_prefix(&service.base_url()).unwrap().to_owned()
    };
    service.anonymous().get(&link().await).await.expect(200);
    let (revoked, narrowed) = (link().await, link().await);
    // Nothing narrows a token; if anything did, its links would be refused.
    school
        .scratch
        .execute("update backup_named_tokens set scopes = 'backup' where name = 'read'")
        .await;
    service.anonymous().get(&narrowed).await.problem(403, "scope_missing");
    school
        .scratch
        .execute("update backup_named_tokens set scopes = 'read' where name = 'read'")
        .await;
    let id = admin.get(TOKENS).await.expect(200).json()["items"][1]["id"].clone();
    admin.delete(&format!("{TOKENS}/{id}")).await.expect(204);
    service.anonymous().get(&revoked).await.problem(401, "unauthenticated");
}

#[on_every_engine]
async fn tokens_are_managed_by_the_command_line(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let run = async |arguments: &[&str]| setup.again().arguments(arguments).run().await;
    let created = run(&[
        "token",
        "create",
        "cron",
        "--scope",
        "read",
        "--lifetime",
        "90d",
        "--quiet",
    ])
    .await;
    assert_eq!(created.code, Some(0), "{created:?}");
    let script = service.bearer(created.stdout.trim());
    script.get("/backup/stats").await.expect(200);
    script
        .post("/backup/archives", &json!({}))
        .await
        .problem(403, "scope_missing");
    run(&["token", "create", "cron", "--scope", "read"])
        .await
        .assert_plain_fault(7);
    run(&["token", "create", "x", "--scope", "write"])
        .await
        .assert_plain_fault(2);
    run(&["token", "create", "x"]).await.assert_plain_fault(2);
    run(&["token", "create", "x", "--scope", "read", "--as", "teacher"])
        .await
        .assert_plain_fault(1);
    let listed = run(&["token", "list"]).await.stdout;
    assert!(
        listed.contains("cron  read  until ") && listed.contains("from 127.0.0.1"),
        "{listed}"
    );
    run(&["token", "revoke", "unknown"]).await.assert_plain_fault(7);
    let revoked = run(&["token", "revoke", "cron", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&revoked.stdout).unwrap()["revoked"], true);
    script.get("/backup/stats").await.problem(401, "unauthenticated");
    let listed: Value = serde_json::from_str(&run(&["token", "list", "--json"]).await.stdout).unwrap();
    assert_eq!(listed, json!({"items": []}));
}
