//! Signing in: refusals, and the limits of attempts.

use reqwest::Method;
use serde_json::{Value, json};

use harness::client::fields;
use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Engine, Service, on_every_engine, small_school};

async fn attempt(service: &Service, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password});
    service.anonymous().post("/auth/login", &body).await
}

/// The same with a wrong password, through a proxy that names this client address.
async fn attempt_from(service: &Service, address: &str, username: &str) -> Answer {
    sign_in_from(service, address, username, "wrong").await
}

async fn sign_in_from(service: &Service, address: &str, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password});
    let request = service
        .anonymous()
        .request(Method::POST, "/auth/login")
        .header("X-Forwarded-For", address);
    Answer::of(request.json(&body)).await
}

fn without_request_id(mut problem: Value) -> Value {
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

#[on_every_engine]
async fn login_returns_a_token(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let answer = attempt(&service, "admin", ADMIN_PASSWORD).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(
        body["user"],
        json!({"id": 1, "username": "admin", "email": "admin@school.example", "role": "admin", "issuer": null})
    );
    let token = body["access_token"].as_str().unwrap();
    service.bearer(token).get("/backup/stats").await.expect(200);
    let teacher = attempt(&service, "teacher", ADMIN_PASSWORD).await.expect(200).json();
    assert_eq!(
        teacher["user"],
        json!({"id": 2, "username": "teacher", "email": null, "role": "teacher", "issuer": null})
    );
}

#[on_every_engine]
async fn wrong_credentials_get_the_same_refusal(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let refused = attempt(&service, "admin", "wrong")
        .await
        .problem(401, "wrong_credentials");
    let refused = without_request_id(refused);
    for (username, password) in [
        ("unknown", "wrong"),
        // A known, inactive account with the right password.
        ("-old.admin", ADMIN_PASSWORD),
        ("ADMIN", ADMIN_PASSWORD),
        ("admin ", ADMIN_PASSWORD),
        ("admin", ""),
        ("", ""),
        ("' OR '1'='1", "' OR '1'='1"),
        ("admin'--", ADMIN_PASSWORD),
    ] {
        let answer = attempt(&service, username, password).await;
        assert_eq!(
            without_request_id(answer.problem(401, "wrong_credentials")),
            refused,
            "{username:?}"
        );
    }
    // No text of the school contains a NUL, and PostgreSQL refuses one even in a query.
    attempt(&service, "admin\0", ADMIN_PASSWORD)
        .await
        .problem(422, "invalid_field");
    attempt(&service, "admin", ADMIN_PASSWORD).await.expect(200);
}

/// If unknown names were refused sooner, the time would reveal which names exist.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_name_takes_as_long_as_a_wrong_password() {
    let school = small_school(Engine::Sqlite).await;
    let service = unlimited(Setup::on(&school.scratch)).start().await;
    // The processor time of the service, which other work on the machine does not increase.
    let work = async |name: &str| {
        let before = service.processor_time();
        for _ in 0..20 {
            attempt(&service, name, "wrong").await.problem(401, "wrong_credentials");
        }
        (service.processor_time() - before).as_secs_f64()
    };
    let known = work("admin").await;
    for (what, name) in [("an unknown name", "unknown"), ("an inactive one", "-old.admin")] {
        let ratio = work(name).await / known;
        assert!((0.5..2.0).contains(&ratio), "{what} takes {ratio:.2} times as long");
    }
}

fn unlimited(setup: Setup) -> Setup {
    setup
        .set("CAMPUS_BACKUP_LOGIN_BURST", 10_000)
        .set("CAMPUS_BACKUP_LOGIN_BURST_ADDRESS", 10_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_limited_by_account() {
    let school = small_school(Engine::Sqlite).await;
    let service = unlimited(Setup::on(&school.scratch))
        .set("CAMPUS_BACKUP_LOGIN_BURST", 3)
        .start()
        .await;
    for _ in 0..3 {
        attempt(&service, "admin", "wrong")
            .await
            .problem(401, "wrong_credentials");
    }
    let seconds = until_refused(async || attempt(&service, "admin", "wrong").await).await;
    assert!(seconds <= 6, "one attempt comes back every six seconds: {seconds}");
    // The right password is refused as well. Otherwise the limit would reveal it.
    attempt(&service, "admin", ADMIN_PASSWORD)
        .await
        .expect_retry_after(429, "too_many_logins");
    // Other accounts are not limited, whether they exist or not.
    attempt(&service, "teacher", ADMIN_PASSWORD).await.expect(200);
    attempt(&service, "unknown", "wrong")
        .await
        .problem(401, "wrong_credentials");
    let until_unknown_is_refused = until_refused(async || attempt(&service, "unknown", "wrong").await).await;
    assert!(
        until_unknown_is_refused <= 6,
        "an unknown name is limited like a known one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_limited_by_address() {
    let school = small_school(Engine::Sqlite).await;
    let service = unlimited(Setup::on(&school.scratch))
        .set("CAMPUS_BACKUP_LOGIN_BURST_ADDRESS", 3)
        .start()
        .await;
    let mut number = 0;
    let seconds = until_refused(async || {
        number += 1;
        attempt(&service, &format!("name{number}"), "wrong").await
    })
    .await;
    assert_eq!(seconds, 1, "one attempt comes back every second");
    // The service ignores the address that a client claims.
    let mut number = 0;
    until_refused(async || {
        number += 1;
        attempt_from(&service, &format!("203.0.113.{number}"), &format!("other{number}")).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_proxy_names_the_client() {
    let school = small_school(Engine::Sqlite).await;
    let setup = unlimited(Setup::on(&school.scratch))
        .set("CAMPUS_BACKUP_LOGIN_BURST_ADDRESS", 3)
        .set("CAMPUS_BACKUP_TRUSTED_PROXIES", "127.0.0.0/8");
    let service = setup.start().await;
    for number in 0..20 {
        let address = format!("203.0.113.{number}");
        attempt_from(&service, &address, &format!("name{number}"))
            .await
            .problem(401, "wrong_credentials");
    }
    let mut number = 0;
    until_refused(async || {
        number += 1;
        // Addresses before the one that the proxy saw come from the client, and have no effect.
        attempt_from(
            &service,
            &format!("198.51.100.{number}, 203.0.113.99"),
            &format!("other{number}"),
        )
        .await
    })
    .await;
}

/// Guesses from many new addresses do not lock out the owner, in any copy of the service, and also after a restart.
#[on_every_engine]
async fn owner_can_sign_in_from_a_known_network_during_an_attack(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOGIN_BURST", 2)
        .set("CAMPUS_BACKUP_TRUSTED_PROXIES", "127.0.0.0/8");
    let office = "203.0.113.7";
    let before = setup.start().await;
    sign_in_from(&before, office, "admin", ADMIN_PASSWORD).await.expect(200);
    drop(before);
    let service = setup.start().await;
    let mut number = 0;
    until_refused(async || {
        number += 1;
        attempt_from(&service, &format!("198.51.100.{number}"), "admin").await
    })
    .await;
    sign_in_from(&service, office, "admin", ADMIN_PASSWORD)
        .await
        .expect(200);
    // The known address is limited as well.
    until_refused(async || attempt_from(&service, office, "admin").await).await;
}

/// Attempts until the limit refuses. Returns the seconds until the next attempt.
async fn until_refused(mut attempt: impl AsyncFnMut() -> Answer) -> u64 {
    for _ in 0..60 {
        let answer = attempt().await;
        if answer.status.as_u16() == 429 {
            return answer.expect_retry_after(429, "too_many_logins");
        }
        answer.problem(401, "wrong_credentials");
    }
    panic!("60 attempts were let through");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_login_is_refused() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let client = service.anonymous();
    let login = "/auth/login";
    for body in ["", "{", "null x", "{\"username\":\"admin\"", "\u{feff}"] {
        client
            .post_raw(login, "application/json", body)
            .await
            .problem(400, "malformed_body");
    }
    for body in [
        json!({}),
        json!([]),
        json!("admin"),
        json!({"username": "admin"}),
        json!({"username": 7, "password": "x"}),
        json!({"username": null, "password": "x"}),
        json!({"username": "admin", "password": ["x"]}),
        json!({"username": "admin", "password": "x", "remember": true}),
    ] {
        let answer = client.post(login, &body).await;
        assert_eq!(answer.status.as_u16(), 422, "{body}: {answer:?}");
        answer.problem(422, "invalid_field");
    }
    let unknown = client
        .post(login, &json!({"username": "admin", "password": "x", "remember": true}))
        .await;
    assert_eq!(fields(&unknown.problem(422, "invalid_field")), ["remember"]);
    let answer = client.post_raw(login, "text/plain", "{}").await;
    answer.problem(415, "unsupported_media_type");
    let long = json!({"username": "admin", "password": "x".repeat(1 << 20)});
    client.post(login, &long).await.problem(413, "body_too_large");
}
