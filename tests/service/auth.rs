//! Authentication: which tokens are accepted and which are refused.

use reqwest::Method;
use serde_json::json;

use harness::service::{JWT_SECRET, Setup};
use harness::token::Token;
use harness::{
    ADMIN_PASSWORD, Answer, Client, Engine, Scratch, Service, WAIT_LIMIT, on_every_engine, small_school, until,
};

/// A path that only administrators may read.
const GUARDED: &str = "/backup/stats";

/// Checks that the request was refused for its token, in the form of RFC 6750.
#[track_caller]
fn assert_unauthenticated(answer: Answer, expected: &str) {
    let challenge = answer.header("www-authenticate").to_owned();
    assert!(challenge.starts_with("Bearer"), "{challenge:?}");
    assert!(challenge.contains(expected), "{challenge:?}");
    answer.problem(401, "unauthenticated");
}

async fn assert_token_refused(service: &Service, why: &str, token: &str) {
    let answer = service.bearer(token).get(GUARDED).await;
    assert_eq!(answer.status.as_u16(), 401, "{why}: {answer:?}");
    assert_unauthenticated(answer, "error=\"invalid_token\"");
}

/// A service and an administrator with a valid token.
async fn signed_in(engine: Engine) -> (Scratch, Service, Client) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    (school.scratch, service, admin)
}

#[on_every_engine(nightly)]
async fn request_without_token_is_refused(engine: Engine) {
    let (_scratch, service, admin) = signed_in(engine).await;
    for path in [GUARDED, "/backup/download/students", "/backup/download/all", "/auth/me"] {
        let answer = service.anonymous().get(path).await;
        assert!(
            !answer.header("www-authenticate").contains("error="),
            "no token was sent: {answer:?}"
        );
        assert_unauthenticated(answer, "Bearer");
    }
    for authorization in [
        "",
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "Token x",
        admin.token(),
    ] {
        let request = service
            .anonymous()
            .request(Method::GET, GUARDED)
            .header("Authorization", authorization);
        assert_unauthenticated(Answer::of(request).await, "Bearer");
    }
    let nothing = service.anonymous().clear(&json!({"table": "all"})).await;
    assert_unauthenticated(nothing, "Bearer");
    // A token that was copied together with its scheme.
    let twice = service.anonymous().request(Method::GET, GUARDED);
    let twice = twice.header("Authorization", format!("Bearer Bearer {}", admin.token()));
    let problem = Answer::of(twice).await.problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().contains("twice"), "{problem}");
}

#[on_every_engine]
async fn administrator_is_admitted(engine: Engine) {
    let (_scratch, service, admin) = signed_in(engine).await;
    admin.get(GUARDED).await.expect(200);
    let me = admin.get("/auth/me").await.expect(200).json();
    assert_eq!(
        me,
        json!({
            "id": 1, "username": "admin", "email": "admin@school.example", "role": "admin", "issuer": null,
            "password_change_required": false, "token": null,
        })
    );
    let lower = service.anonymous().request(Method::GET, GUARDED);
    let lower = lower.header("Authorization", format!("bearer {}", admin.token()));
    Answer::of(lower).await.expect(200);
}

#[on_every_engine]
async fn other_roles_are_refused_with_403(engine: Engine) {
    let (scratch, service, _admin) = signed_in(engine).await;
    let before = scratch.everything().await;
    for (name, role) in [("teacher", "teacher"), ("Admin", "accountant")] {
        let other = service.login(name, ADMIN_PASSWORD).await;
        assert_eq!(other.get("/auth/me").await.expect(200).json()["role"], role);
        for answer in [
            other.get(GUARDED).await,
            other.get("/backup/download/students").await,
            other
                .post("/backup/download-links", &json!({"path": "/backup/download/students"}))
                .await,
            other.clear(&json!({"table": "all"})).await,
            other.clear(&json!({"table": "all", "dry_run": true})).await,
        ] {
            assert!(
                answer.header("www-authenticate").contains("insufficient_scope"),
                "{answer:?}"
            );
            answer.problem(403, "forbidden");
        }
    }
    assert_eq!(scratch.everything().await, before);
}

#[on_every_engine]
async fn former_administrator_is_refused_at_once(engine: Engine) {
    let (scratch, service, admin) = signed_in(engine).await;
    scratch.execute("update users set role = 'teacher' where id = 1").await;
    admin.get(GUARDED).await.problem(403, "forbidden");
    scratch.execute("update users set role = 'admin' where id = 1").await;
    admin.get(GUARDED).await.expect(200);
    scratch.execute("update users set is_active = false where id = 1").await;
    assert_token_refused(&service, "deactivated", admin.token()).await;
    scratch.execute("update users set is_active = true where id = 1").await;
    admin.get(GUARDED).await.expect(200);
    scratch.execute("delete from users where id = 1").await;
    assert_token_refused(&service, "deleted", admin.token()).await;
}

/// A new account with the same name must not inherit the token.
#[on_every_engine]
async fn token_is_not_valid_for_a_new_user_of_the_same_name(engine: Engine) {
    let (scratch, service, admin) = signed_in(engine).await;
    scratch.execute("delete from users where id = 1").await;
    scratch
        .execute("insert into users (id, username, password_hash, role) values (77, 'admin', 'x', 'admin')")
        .await;
    assert_token_refused(&service, "another user of that name", admin.token()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_refused() {
    let (_scratch, service, admin) = signed_in(Engine::Sqlite).await;
    let honest = Token::open(admin.token());
    service.bearer(&honest.sign(JWT_SECRET)).get(GUARDED).await.expect(200);
    let now = chrono::Utc::now().timestamp();
    let altered = [
        ("expired", honest.clone().claim("exp", json!(now - 10))),
        ("never expires", honest.clone().without("exp")),
        ("expires in words", honest.clone().claim("exp", json!("tomorrow"))),
        ("not yet valid", honest.clone().claim("nbf", json!(now + 60))),
        (
            "for another audience",
            honest.clone().claim("aud", json!("another-service")),
        ),
        ("for no audience", honest.clone().without("aud")),
        ("an audience that is no text", honest.clone().claim("aud", json!(7))),
        (
            "of another issuer",
            honest.clone().claim("iss", json!("https://evil.example")),
        ),
        ("of no issuer", honest.clone().without("iss")),
        (
            "an issuer that is no text",
            honest.clone().claim("iss", json!({"a": 1})),
        ),
        ("without a subject", honest.clone().without("sub")),
        ("of an unknown user", honest.clone().claim("sub", json!("424242"))),
        ("a subject that is no text", honest.clone().claim("sub", json!([1]))),
        ("of another type", honest.clone().header("typ", json!("link+jwt"))),
        (
            "with an unknown extension",
            honest
                .clone()
                .header("crit", json!(["b64"]))
                .header("b64", json!(false)),
        ),
        ("with another algorithm", honest.clone().header("alg", json!("HS512"))),
        ("without an algorithm", honest.clone().without_header("alg")),
    ];
    for (why, token) in altered {
        assert_token_refused(&service, why, &token.sign(JWT_SECRET)).await;
    }
    for algorithm in ["none", "None", "NONE", ""] {
        let token = honest.clone().header("alg", json!(algorithm));
        assert_token_refused(&service, "unsigned", &token.unsigned()).await;
        assert_token_refused(&service, "unsigned in word only", &token.sign(JWT_SECRET)).await;
    }
    assert_token_refused(&service, "the signature cut off", &honest.unsigned()).await;
    assert_token_refused(
        &service,
        "signed by another key",
        &honest.sign(&JWT_SECRET.replace('a', "b")),
    )
    .await;
    assert_token_refused(&service, "signed by an empty key", &honest.sign("")).await;
    let (message, signature) = admin.token().rsplit_once('.').unwrap();
    let raised = honest
        .clone()
        .claim("role", json!("admin"))
        .claim("exp", json!(now + 999_999))
        .unsigned();
    let raised = format!(
        "{}{signature}",
        raised.strip_suffix('.').map(|text| format!("{text}.")).unwrap()
    );
    assert_token_refused(&service, "another message under that signature", &raised).await;
    for nonsense in ["x", "..", "a.b.c", message, &"x.".repeat(5_000), "' OR 1=1 --"] {
        assert_token_refused(&service, "nonsense", nonsense).await;
    }
}

/// Two schools may use the same signing secret, and their administrators may have the same id.
#[on_every_engine]
async fn tokens_of_another_installation_are_refused(engine: Engine) {
    let (_here, service, admin) = signed_in(engine).await;
    let (_there, elsewhere, other) = signed_in(engine).await;
    assert_token_refused(&elsewhere, "of another installation", admin.token()).await;
    assert_token_refused(&service, "of another installation", other.token()).await;
    let audience = |client: &Client| Token::open(client.token()).claims["aud"].clone();
    assert_ne!(audience(&admin), audience(&other));
}

/// The role of the database counts, not the older one in the token.
#[tokio::test(flavor = "multi_thread")]
async fn role_in_the_token_is_ignored() {
    let (_scratch, service, _admin) = signed_in(Engine::Sqlite).await;
    let teacher = service.login("teacher", ADMIN_PASSWORD).await;
    let raised = Token::open(teacher.token())
        .claim("role", json!("admin"))
        .sign(JWT_SECRET);
    service.bearer(&raised).get(GUARDED).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_have_the_required_claims_and_no_secret() {
    let (_scratch, _service, admin) = signed_in(Engine::Sqlite).await;
    let token = Token::open(admin.token());
    assert_eq!(token.header["alg"], "HS256");
    for claim in ["iss", "aud", "sub", "exp", "iat", "jti", "role"] {
        assert!(!token.claims[claim].is_null(), "{claim}: {token:?}");
    }
    let lifetime = token.claims["exp"].as_i64().unwrap() - token.claims["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 900);
    let said = token.claims.to_string();
    assert!(!said.contains("school.example") && !said.contains("argon2"), "{said}");
    let other = Token::open(_service.admin().await.token());
    assert_ne!(other.claims["jti"], token.claims["jti"]);
}

/// The token would appear in the logs of every proxy and in the browser's history.
#[tokio::test(flavor = "multi_thread")]
async fn token_in_the_query_is_refused() {
    let (_scratch, service, admin) = signed_in(Engine::Sqlite).await;
    let token = admin.token();
    for name in ["access_token", "token", "bearer", "link"] {
        let path = format!("/backup/download/students?{name}={token}");
        let status = service.anonymous().get(&path).await.status.as_u16();
        assert!(matches!(status, 401 | 422), "{name}: {status}");
        let status = service
            .anonymous()
            .get(&format!("{GUARDED}?{name}={token}"))
            .await
            .status
            .as_u16();
        assert!(matches!(status, 401 | 422), "{name}: {status}");
    }
    let both = admin.get(&format!("{GUARDED}?access_token={token}")).await;
    assert!(both.status.is_client_error(), "it must not pass unnoticed: {both:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_expires_on_time() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_TOKEN_LIFETIME", 1)
        .start()
        .await;
    let admin = service.admin().await;
    // The service accepts a difference of five seconds between the clocks of two machines.
    until("the token ends", WAIT_LIMIT, async || {
        admin.get(GUARDED).await.status.as_u16() == 401
    })
    .await;
    assert_token_refused(&service, "expired", admin.token()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn previous_secret_is_accepted_during_rotation() {
    const NEW: &str = "the secret that replaces the one before, long enough as well";
    let school = small_school(Engine::Sqlite).await;
    let before = Setup::on(&school.scratch);
    let old = before.start().await.admin().await.token().to_owned();

    let rotating = before
        .again()
        .set("CAMPUS_BACKUP_JWT_SECRET", NEW)
        .set("CAMPUS_BACKUP_JWT_SECRET_PREVIOUS", JWT_SECRET);
    let service = rotating.start().await;
    service.bearer(&old).get(GUARDED).await.expect(200);
    let new = service.admin().await.token().to_owned();
    assert_ne!(
        Token::open(&new).sign(JWT_SECRET),
        new,
        "new tokens are signed with the new secret"
    );
    assert_eq!(
        Token::open(&new).sign(NEW).rsplit('.').next().unwrap().len(),
        new.rsplit('.').next().unwrap().len()
    );
    drop(service);

    let service = before.again().set("CAMPUS_BACKUP_JWT_SECRET", NEW).start().await;
    service.bearer(&new).get(GUARDED).await.expect(200);
    assert_token_refused(&service, "signed with the secret of before", &old).await;
}
