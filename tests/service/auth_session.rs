//! Sessions without a password: the cookie with which a reloaded page gets a new token.

use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;

use harness::archives_rig::ArchivesPlace;
use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, Service, WAIT_LIMIT, on_every_engine, small_school, until};

const SESSION: &str = "/auth/session";
const NAME: &str = "campus_backup_session";
const ATTRIBUTES: &str = "HttpOnly; SameSite=Strict; Path=/auth/session";

/// Signs in as the dashboard does.
async fn sign_in(service: &Service) -> Answer {
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD, "stay_signed_in": true});
    service.anonymous().post("/auth/login", &body).await.expect(200)
}

/// The request of a reloaded page.
async fn renew_session(service: &Service, cookie: &str) -> Answer {
    let request = service.anonymous().request(Method::POST, SESSION);
    Answer::of(request.header("Cookie", format!("{NAME}={cookie}"))).await
}

/// The cookie in the response. It must have all attributes.
#[track_caller]
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    let (pair, attributes) = set.split_once("; ").unwrap_or_default();
    assert_eq!(attributes, ATTRIBUTES);
    let value = pair.strip_prefix(NAME).and_then(|pair| pair.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no session in {set:?}")).to_owned()
}

fn bearer(service: &Service, answer: &Answer) -> Client {
    service.bearer(answer.json()["access_token"].as_str().unwrap())
}

#[on_every_engine]
async fn reloaded_page_keeps_its_session_while_the_account_is_active(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let signed_in = sign_in(&service).await;
    let mut kept = cookie(&signed_in);
    for _ in 0..2 {
        let next = renew_session(&service, &kept).await.expect(200);
        assert_eq!(next.json()["user"], signed_in.json()["user"]);
        assert_eq!(
            (&next.json()["token_type"], &next.json()["expires_in"]),
            (&json!("Bearer"), &json!(900))
        );
        assert_eq!(next.header("cache-control"), "no-store");
        bearer(&service, &next).get("/backup/stats").await.expect(200);
        let replaced = cookie(&next);
        assert_ne!(replaced, kept);
        assert!(!service.logs().contains(&replaced));
        kept = replaced;
    }
    let scratch = &school.scratch;
    scratch.execute("update users set role = 'teacher' where id = 1").await;
    let demoted = renew_session(&service, &kept).await.expect(200);
    assert_eq!(demoted.json()["user"]["role"], "teacher");
    bearer(&service, &demoted)
        .get("/backup/stats")
        .await
        .problem(403, "forbidden");
    scratch.execute("update users set is_active = false where id = 1").await;
    renew_session(&service, &kept).await.problem(401, "unauthenticated");
    scratch.execute("update users set is_active = true where id = 1").await;
    renew_session(&service, &kept).await.expect(200);
    scratch
        .execute("update users set password_hash = 'x' where id = 1")
        .await;
    let problem = renew_session(&service, &kept).await.problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().contains("password"), "{problem}");
    scratch.execute("delete from users where id = 1").await;
    renew_session(&service, &kept).await.problem(401, "unauthenticated");
}

/// The session of a page whose token was renewed during the restore is kept as well.
#[on_every_engine]
async fn restore_keeps_only_the_session_of_its_administrator(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let service = &place.service;
    let (mine, other) = (sign_in(service).await, sign_in(service).await);
    let admin = bearer(service, &renew_session(service, &cookie(&mine)).await.expect(200));
    let renewed = renew_session(service, &cookie(&mine)).await.expect(200);
    let id = admin.create_backup().await;
    admin.done(admin.restore(&id, &json!({"mode": "replace"})).await).await;
    let problem = renew_session(service, &cookie(&other))
        .await
        .problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().contains("restored"), "{problem}");
    bearer(service, &renewed).get("/backup/stats").await.expect(200);
    let next = renew_session(service, &cookie(&renewed)).await.expect(200);
    bearer(service, &next).get("/backup/stats").await.expect(200);
    renew_session(service, &cookie(&next)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_needs_its_cookie() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let without = json!({"username": "admin", "password": ADMIN_PASSWORD, "stay_signed_in": false});
    let answer = service.anonymous().post("/auth/login", &without).await.expect(200);
    assert_eq!(answer.header("set-cookie"), "", "the login did not request it");
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();

    let none = Answer::of(service.anonymous().request(Method::POST, SESSION)).await;
    assert!(!none.header("www-authenticate").contains("error="), "{none:?}");
    none.problem(401, "unauthenticated");
    let refresh = cookie(&sign_in(&service).await);
    for wrong in [
        "",
        "x",
        access.as_str(),
        &refresh[..refresh.len() - 1],
        &"x".repeat(20_000),
    ] {
        let answer = renew_session(&service, wrong).await;
        assert!(answer.header("set-cookie").is_empty(), "{wrong}");
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{wrong}: {answer:?}");
    }
    // Every other request with these cookies is refused too.
    service
        .bearer(&refresh)
        .get("/backup/stats")
        .await
        .problem(401, "unauthenticated");
    let stats = service.anonymous().request(Method::GET, "/backup/stats");
    let stats = stats.header("Cookie", format!("{NAME}={refresh}"));
    Answer::of(stats).await.problem(401, "unauthenticated");
    let wrong = json!({"username": "admin", "password": "wrong", "stay_signed_in": true});
    let refused = service.anonymous().post("/auth/login", &wrong).await;
    assert_eq!(refused.header("set-cookie"), "");
    refused.problem(401, "wrong_credentials");
}

/// A page may be reloaded while a restore locks the whole database.
#[tokio::test(flavor = "multi_thread")]
async fn session_is_renewed_during_a_write() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let kept = cookie(&sign_in(&service).await);
    let writer = school.scratch.another_connection().await;
    for statement in ["begin immediate", "delete from attendance"] {
        writer.execute_unprepared(statement).await.unwrap();
    }
    let next = renew_session(&service, &kept).await.expect(200);
    bearer(&service, &next).get("/auth/me").await.expect(200);
    writer.execute_unprepared("rollback").await.unwrap();
}

#[on_every_engine]
async fn signing_out_ends_the_session_and_removes_the_cookie(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let (signed_in, other) = (sign_in(&service).await, sign_in(&service).await);
    let renewed = renew_session(&service, &cookie(&signed_in)).await.expect(200);
    let link = bearer(&service, &renewed)
        .post("/backup/download-links", &json!({"path": "/backup/download/courses"}))
        .await
        .expect(201);
    // The page sends its cookie and not its token.
    let request = service.anonymous().request(Method::DELETE, SESSION);
    let gone = Answer::of(request.header("Cookie", format!("{NAME}={}", cookie(&renewed)))).await;
    for ended in [&signed_in, &renewed] {
        renew_session(&service, &cookie(ended))
            .await
            .problem(401, "unauthenticated");
        let refused = bearer(&service, ended).get("/backup/stats").await;
        assert!(
            refused.header("www-authenticate").contains("invalid_token"),
            "{refused:?}"
        );
        refused.problem(401, "unauthenticated");
    }
    let link = link.json()["url"].as_str().unwrap().to_owned();
    let link = &link[link.find("/backup/").unwrap()..];
    service.anonymous().get(link).await.problem(401, "unauthenticated");
    bearer(&service, &other).get("/backup/stats").await.expect(200);
    renew_session(&service, &cookie(&other)).await.expect(200);

    let gone = gone.expect(204);
    let set = gone.header("set-cookie");
    assert!(
        set.starts_with(&format!("{NAME}=; ")) && set.contains("Max-Age=0"),
        "{set}"
    );
    assert!(set.contains("Path=/auth/session"), "{set}");
    service.anonymous().delete(SESSION).await.expect(204);
}

/// After a replaced cookie was used again, the service can't tell the owner from a thief (RFC 9700, section 4.14).
#[on_every_engine]
async fn reused_cookie_ends_its_session(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let (stolen, other) = (sign_in(&service).await, sign_in(&service).await);
    let next = renew_session(&service, &cookie(&stolen)).await.expect(200);
    // A second tab, or a tab whose response was lost.
    let again = renew_session(&service, &cookie(&stolen)).await.expect(200);
    let last = renew_session(&service, &cookie(&next)).await.expect(200);
    renew_session(&service, &cookie(&again)).await.expect(200);

    let problem = renew_session(&service, &cookie(&stolen))
        .await
        .problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().contains("elsewhere"), "{problem}");
    renew_session(&service, &cookie(&last))
        .await
        .problem(401, "unauthenticated");
    for access in [&stolen, &next, &last] {
        bearer(&service, access)
            .get("/auth/me")
            .await
            .problem(401, "unauthenticated");
    }
    renew_session(&service, &cookie(&other)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_restart_and_end_on_time() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let kept = cookie(&sign_in(&setup.start().await).await);
    let again = setup.again().start().await;
    let kept = cookie(&renew_session(&again, &kept).await.expect(200));
    drop(again);
    let short = setup.again().set("CAMPUS_BACKUP_SESSION_LIFETIME", 1).start().await;
    let left = sign_in(&short).await;
    for ended in [kept, cookie(&left)] {
        until("the session is over", WAIT_LIMIT, async || {
            renew_session(&short, &ended).await.status == 401
        })
        .await;
        renew_session(&short, &ended).await.problem(401, "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_is_secure_with_a_public_https_address() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_PUBLIC_URL", "https://school.example/backups/")
        .start()
        .await;
    let set = sign_in(&service).await.header("set-cookie").to_owned();
    assert!(
        set.ends_with("; HttpOnly; SameSite=Strict; Secure; Path=/backups/auth/session"),
        "{set}"
    );
    assert!(set.starts_with("__Secure-campus_backup_session="), "{set}");
}

/// With this name, another host of the same domain can't set the cookie.
#[tokio::test(flavor = "multi_thread")]
async fn cookie_behind_a_tls_proxy_is_bound_to_its_host() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_TRUSTED_PROXIES", "127.0.0.0/8")
        .start()
        .await;
    let through_proxy = |method: Method, path: &str| {
        let request = service.anonymous().request(method, path);
        request
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", "school.example")
            .header("Forwarded", "host=evil.example;proto=http")
    };
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD, "stay_signed_in": true});
    let signed_in = Answer::of(through_proxy(Method::POST, "/auth/login").json(&body)).await;
    let set = signed_in.expect(200).header("set-cookie").to_owned();
    assert!(set.starts_with("__Host-campus_backup_session="), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Secure; Path=/"), "{set}");
    let pair = set.split(';').next().unwrap();
    let unprefixed = pair.trim_start_matches("__Host-");
    let refused = through_proxy(Method::POST, SESSION).header("Cookie", unprefixed);
    Answer::of(refused).await.problem(401, "unauthenticated");
    let next = through_proxy(Method::POST, SESSION).header("Cookie", pair);
    Answer::of(next).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_get_a_cookie() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let assert_forgotten = |answer: &Answer| {
        let set = answer.header("set-cookie");
        assert!(
            set.starts_with(&format!("{NAME}=; ")) && set.contains("Max-Age=0"),
            "{set}"
        );
    };
    let body = json!({"username": "teacher", "password": ADMIN_PASSWORD, "stay_signed_in": true});
    let teacher = service.anonymous().post("/auth/login", &body).await.expect(200);
    assert_forgotten(&teacher);
    let admin = sign_in(&service).await;
    let scratch = &school.scratch;
    scratch.execute("update users set role = 'teacher' where id = 1").await;
    let demoted = renew_session(&service, &cookie(&admin)).await.expect(200);
    assert_forgotten(&demoted);
}
