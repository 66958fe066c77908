//! `/accounts` and `/auth/password`: accounts of users, and one's own password.

use serde_json::{Value, json};

use harness::client::fields;
use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, Scratch, Service, on_every_engine, small_school};
use reqwest::Method;

const ACCOUNTS: &str = "/accounts";
const OTHER_PASSWORD: &str = "copper-lantern-18-river";

fn of(account: &Value, rest: &str) -> String {
    format!("{ACCOUNTS}/{}{rest}", account["id"])
}

async fn create(admin: &Client, body: &Value) -> Value {
    let created = admin.post(ACCOUNTS, body).await.expect(201);
    let location = created.header("location").to_owned();
    assert_eq!(created.header("cache-control"), "no-store");
    let created = created.json();
    assert_eq!(location, of(&created["account"], ""));
    created
}

#[on_every_engine]
async fn account_is_created_listed_changed_reset_and_deleted(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let created = create(
        &admin,
        &json!({"username": "head.office", "email": "head@school.example", "role": "admin"}),
    )
    .await;
    let one_time = created["password"].as_str().unwrap();
    let account = &created["account"];
    assert_eq!(
        (
            &account["username"],
            &account["role"],
            &account["is_active"],
            &account["tokens"]
        ),
        (&json!("head.office"), &json!("admin"), &json!(true), &json!(0))
    );
    assert!(account["one_time_password_expires_at"].is_string(), "{account}");
    let path = of(account, "");
    assert_eq!(admin.get(&path).await.expect(200).json(), *account);
    let listed = admin
        .get("/accounts?role=admin&is_active=true&limit=1&offset=1")
        .await
        .expect(200);
    assert_eq!(listed.header("x-total-count"), "2");
    assert_eq!(listed.json()["items"], json!([account]));
    let all = admin.get(ACCOUNTS).await.expect(200);
    assert!(!all.text().contains("argon2"), "{}", all.text());

    let head = service.first_login("head.office", one_time).await;
    head.get("/backup/stats").await.expect(200);
    let changed = admin.patch(&path, &json!({"email": null})).await.expect(200).json();
    assert_eq!(
        (&changed["email"], &changed["one_time_password_expires_at"]),
        (&json!(null), &json!(null))
    );
    head.get("/backup/stats").await.expect(200);
    // A role, a reset and a deletion take effect at the next request.
    let demoted = admin
        .patch(&path, &json!({"role": "accountant"}))
        .await
        .expect(200)
        .json();
    assert_eq!(demoted["role"], "accountant");
    head.get("/auth/me").await.problem(401, "unauthenticated");
    let accountant = service.login("head.office", ADMIN_PASSWORD).await;
    accountant.get(ACCOUNTS).await.problem(403, "forbidden");
    let reset = Answer::of(admin.request(Method::POST, &of(account, "/reset"))).await;
    let reset = reset.expect(200).json();
    accountant.get("/auth/me").await.problem(401, "unauthenticated");
    let body = json!({"username": "head.office", "password": ADMIN_PASSWORD});
    let old = service.anonymous().post("/auth/login", &body).await;
    old.problem(401, "wrong_credentials");
    let restricted = service.login("head.office", reset["password"].as_str().unwrap()).await;
    admin.delete(&path).await.expect(204);
    restricted.get("/auth/me").await.problem(401, "unauthenticated");
    admin.get(&path).await.problem(404, "unknown_account");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_accounts_are_refused() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let before = school.scratch.everything().await;
    for (body, named) in [
        (json!({"role": "admin"}), "username"),
        (json!({"username": "x"}), "role"),
        (json!({"username": "x", "role": "owner"}), "role"),
        (json!({"username": "", "role": "teacher"}), "username"),
        (json!({"username": " x", "role": "teacher"}), "username"),
        (json!({"username": "x\u{200b}", "role": "teacher"}), "username"),
        (json!({"username": "x", "role": "teacher", "email": "nowhere"}), "email"),
        (
            json!({"username": "x", "role": "teacher", "password": "short"}),
            "password",
        ),
        (
            json!({"username": "x", "role": "teacher", "password": "password1234"}),
            "password",
        ),
        (
            json!({"username": "x", "role": "teacher", "is_active": true}),
            "is_active",
        ),
    ] {
        let refused = admin.post(ACCOUNTS, &body).await.problem(422, "invalid_field");
        assert_eq!(fields(&refused), [named], "{body}");
        assert!(!refused.to_string().contains("password1234"), "{refused}");
    }
    admin
        .post(ACCOUNTS, &json!({"username": "teacher", "role": "teacher"}))
        .await
        .problem(409, "username_taken");
    for (body, named) in [
        (json!({"email": "nowhere"}), "email"),
        (json!({"role": null, "is_active": "no"}), "is_active"),
        (json!({"username": "other"}), "username"),
        (json!({"password": OTHER_PASSWORD}), "password"),
    ] {
        let refused = admin.patch("/accounts/2", &body).await.problem(422, "invalid_field");
        assert_eq!(fields(&refused), [named], "{body}");
    }
    for (method, body) in [
        (Method::PATCH, json!({"is_active": false})),
        (Method::PATCH, json!({"role": "teacher"})),
        (Method::DELETE, json!({})),
    ] {
        let request = admin.request(method, "/accounts/1").json(&body);
        Answer::of(request).await.problem(409, "last_administrator");
    }
    // The answer with the one-time password could get lost.
    let reset = admin.post("/accounts/1/reset", &json!({})).await;
    reset.problem(409, "last_administrator");
    for id in ["0", "4711", "x", "99999999999999999999"] {
        let path = format!("{ACCOUNTS}/{id}");
        admin.get(&path).await.problem(404, "unknown_account");
        admin.patch(&path, &json!({})).await.problem(404, "unknown_account");
        admin.delete(&path).await.problem(404, "unknown_account");
        admin
            .post(&format!("{path}/reset"), &json!({}))
            .await
            .problem(404, "unknown_account");
    }
    assert_eq!(school.scratch.everything().await, before);
}

/// A one-time password allows nothing but its change.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_a_one_time_password() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let made = setup.again().arguments(&["admin", "create", "second"]).run().await;
    let body = json!({"username": "second", "password": made.password(), "stay_signed_in": true});
    let answer = service.anonymous().post("/auth/login", &body).await.expect(200);
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{answer:?}");
    assert_eq!(answer.json()["password_change_required"], true);
    let restricted = service.bearer(answer.json()["access_token"].as_str().unwrap());
    let me = restricted.get("/auth/me").await.expect(200).json();
    assert_eq!(me["password_change_required"], true);
    let document = restricted.get("/api-docs/openapi.json").await.expect(200).json();
    let before = school.scratch.everything().await;
    let mut walked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let is_allowed = ["/auth/me", "/auth/password"].contains(&path.as_str());
            if !operation["security"].is_null() || !operation["responses"].is_object() || is_allowed {
                continue;
            }
            let filled = path.replace("{table}", "students").replace("{id}", "1");
            let request = restricted.request(method.to_uppercase().parse().unwrap(), &filled);
            let request = if method == "get" {
                request
            } else {
                request.json(&json!({}))
            };
            let refused = Answer::of(request).await;
            assert!(
                refused.header("www-authenticate").contains("insufficient_scope"),
                "{method} {path}"
            );
            refused.problem(403, "password_change_required");
            let documented = operation["responses"]["403"]["description"].as_str().unwrap();
            assert!(documented.contains("`password_change_required`"), "{method} {path}");
            walked += 1;
        }
    }
    assert!(walked > 50, "{walked}");
    assert_eq!(school.scratch.everything().await, before);

    // The passwords are guessed no faster than at the sign-in.
    for (body, status, named) in [
        (json!({"current_password": made.password()}), 422, "new_password"),
        (
            json!({"current_password": "wrong", "new_password": OTHER_PASSWORD}),
            422,
            "current_password",
        ),
        (
            json!({"current_password": made.password(), "new_password": "password1234"}),
            422,
            "new_password",
        ),
    ] {
        let refused = restricted
            .post("/auth/password", &body)
            .await
            .problem(status, "invalid_field");
        assert_eq!(fields(&refused), [named], "{body}");
    }
    let body = json!({
        "current_password": made.password(), "new_password": OTHER_PASSWORD, "stay_signed_in": true,
    });
    let changed = restricted.post("/auth/password", &body).await.expect(200);
    assert!(changed.header("set-cookie").contains("HttpOnly"), "{changed:?}");
    assert!(!changed.header("set-cookie").contains("Max-Age=0"), "{changed:?}");
    let changed = changed.json();
    assert_eq!(changed["password_change_required"], false);
    restricted.get("/auth/me").await.problem(401, "unauthenticated");
    let second = service.bearer(changed["access_token"].as_str().unwrap());
    second.get("/backup/stats").await.expect(200);
    service.login("second", OTHER_PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn password_change_ends_other_sessions_and_is_limited() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_LOGIN_BURST", 5);
    let service = setup.start().await;
    let (here, elsewhere) = (service.admin().await, service.admin().await);
    let body = json!({"current_password": ADMIN_PASSWORD, "new_password": OTHER_PASSWORD});
    let changed = here.post("/auth/password", &body).await.expect(200).json();
    for ended in [&here, &elsewhere] {
        ended.get("/backup/stats").await.problem(401, "unauthenticated");
    }
    let admin = service.bearer(changed["access_token"].as_str().unwrap());
    let mut refused = 0;
    loop {
        let wrong = json!({"current_password": "wrong", "new_password": ADMIN_PASSWORD});
        let answer = admin.post("/auth/password", &wrong).await;
        if answer.status.as_u16() == 429 {
            answer.expect_retry_after(429, "too_many_logins");
            break;
        }
        answer.problem(422, "invalid_field");
        refused += 1;
        assert!(refused <= 5, "{refused}");
    }
    // A teacher can do the same.
    let teacher = service.login("teacher", ADMIN_PASSWORD).await;
    teacher.post("/auth/password", &body).await.expect(200);
    service.login("teacher", OTHER_PASSWORD).await;
}

/// Another program may have filled the table of users.
#[tokio::test(flavor = "multi_thread")]
async fn very_many_accounts_are_listed_by_the_command_line() {
    const MORE: i64 = 33_000;
    let school = small_school(Engine::Sqlite).await;
    let fill = format!(
        "insert into users (id, username, password_hash, role) \
         with recursive n(i) as (select 1000 union all select i + 1 from n where i < {}) \
         select i, 'user-' || i, '!', 'teacher' from n",
        999 + MORE
    );
    school.scratch.execute(&fill).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let listed = setup.again().arguments(&["admin", "list"]).run().await;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let names: Vec<_> = listed.stdout.lines().collect();
    assert_eq!(i64::try_from(names.len()).unwrap(), school.scratch.count("users").await);
    assert!(names.len() > 33_000, "{}", names.len());
}

/// The commands work without an account, and also repair an installation whose passwords are lost.
#[on_every_engine]
async fn accounts_are_managed_by_the_command_line(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let setup = Setup::on(&scratch)
        .unset("CAMPUS_BACKUP_ADMIN_PASSWORD")
        .installed()
        .await;
    let run = async |arguments: &[&str]| setup.again().arguments(arguments).run().await;
    let done = async |arguments: &[&str]| {
        let done = run(arguments).await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
        done
    };
    let teacher = done(&["admin", "create", "ms.lovelace", "--role", "teacher"]).await;
    assert!(
        teacher
            .stdout
            .starts_with("Teacher `ms.lovelace` was created. One-time password: ")
    );
    done(&["admin", "create", "head"]).await;
    for refused in [
        run(&["admin", "disable", "head"]).await,
        run(&["admin", "delete", "head", "--yes"]).await,
    ] {
        refused.assert_plain_fault(7);
        assert!(
            refused.stderr.contains("No other administrator can sign in"),
            "{refused:?}"
        );
    }
    run(&["admin", "disable", "nobody"]).await.assert_plain_fault(7);
    run(&["admin", "create", "x", "--role", "owner"])
        .await
        .assert_plain_fault(2);
    run(&["admin", "delete", "ms.lovelace"]).await.assert_plain_fault(2);
    done(&["admin", "create", "deputy"]).await;
    done(&["admin", "disable", "head"]).await;
    let listed = done(&["admin", "list"]).await.stdout;
    let head = listed.lines().find(|line| line.contains("head")).unwrap();
    assert!(head.contains("admin  disabled  one-time password until"), "{listed}");
    done(&["admin", "enable", "head"]).await;
    done(&["admin", "delete", "ms.lovelace", "--yes"]).await;
    let listed: Value = serde_json::from_str(&done(&["admin", "list", "--json"]).await.stdout).unwrap();
    let names = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| &account["username"]);
    assert_eq!(names.collect::<Vec<_>>(), ["deputy", "head"]);
    let reset = done(&["admin", "reset", "head"]).await;
    let service = setup.start().await;
    service
        .first_login("head", reset.password())
        .await
        .get("/backup/stats")
        .await
        .expect(200);
    assert_eq!(service.stdout(), "", "there is an administrator");
}
