//! Tokens of an external identity provider.

use reqwest::Method;
use serde_json::{Value, json};

use harness::service::Setup;
use harness::token::{Algorithm, ProviderKey, Token};
use harness::{Answer, Client, Engine, School, Service, small_school};

const ISSUER: &str = "https://login.school.example/realms/staff";
const AUDIENCE: &str = "campus-backup-of-the-school";

struct Provider {
    key: ProviderKey,
    _school: School,
    service: Service,
}

/// A service that trusts a provider. The provider has one key of each kind and signs with `algorithm`.
async fn provider(algorithm: Algorithm) -> Provider {
    let school = small_school(Engine::Sqlite).await;
    let key = ProviderKey::new(algorithm, "signs");
    let file = school.scratch.folder().join("jwks.json");
    let others = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa].map(|other| ProviderKey::new(other, "rests"));
    let [first, second, third] = others.map(|key| key.public);
    std::fs::write(&file, json!({"keys": [first, second, key.public, third]}).to_string()).unwrap();
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_OIDC_JWKS", file.display())
        .set("CAMPUS_BACKUP_OIDC_ISSUER", ISSUER)
        .set("CAMPUS_BACKUP_OIDC_AUDIENCE", AUDIENCE)
        .set("CAMPUS_BACKUP_OIDC_ROLE_CLAIM", "school_role")
        .set("CAMPUS_BACKUP_OIDC_ADMIN_ROLE", "backup-admin")
        .start()
        .await;
    Provider {
        key,
        _school: school,
        service,
    }
}

fn claims() -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "6f1c2a", "exp": now + 300, "iat": now, "nbf": now, "jti": "1",
        "preferred_username": "head@school.example", "school_role": "backup-admin",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

async fn status(provider: &Provider, token: &str) -> u16 {
    provider
        .service
        .bearer(token)
        .get("/backup/stats")
        .await
        .status
        .as_u16()
}

async fn assert_administrators_are_let_in(algorithm: Algorithm) {
    let provider = provider(algorithm).await;
    let admin = provider.service.bearer(&provider.key.issue(claims()));
    admin.get("/backup/stats").await.expect(200);
    assert_eq!(admin.get("/auth/me").await.expect(200).json()["role"], "admin");
    admin.csv("/backup/download/students").await;
    // The service's own accounts work as before.
    provider.service.admin().await.get("/backup/stats").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrator_with_es256_is_admitted() {
    assert_administrators_are_let_in(Algorithm::Es256).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrator_with_rs256_is_admitted() {
    assert_administrators_are_let_in(Algorithm::Rs256).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrator_with_eddsa_is_admitted() {
    assert_administrators_are_let_in(Algorithm::EdDsa).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrator_of_the_provider_can_clear_and_create_links() {
    let provider = provider(Algorithm::Es256).await;
    let admin = provider.service.bearer(&provider.key.issue(claims()));
    let link = admin
        .post("/backup/download-links", &json!({"path": "/backup/download/courses"}))
        .await
        .expect(201);
    assert!(link.json()["url"].is_string());
    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    assert_eq!(cleared["removed_total"], 3);
}

/// A name at the provider may also exist in this service, and may later belong to another person at the provider.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_provider_are_marked_and_own_their_requests() {
    let provider = provider(Algorithm::Es256).await;
    let local = provider.service.admin().await;
    let bearer = |subject: &str| {
        let mut claims = with("preferred_username", json!("admin"));
        claims["sub"] = json!(subject);
        provider.service.bearer(&provider.key.issue(claims))
    };
    let take = async |client: &Client| {
        let request = client
            .request(Method::POST, "/backup/archives")
            .header("Idempotency-Key", "k");
        let job = Answer::of(request.json(&json!({}))).await.expect(202).json();
        (job["id"].clone(), job["username"].as_str().unwrap().to_owned())
    };
    let (own, name) = take(&local).await;
    assert_eq!(name, "admin");
    let (one, name) = take(&bearer("1")).await;
    assert_eq!(name, format!("admin (via {ISSUER})"));
    let (other, _) = take(&bearer("2")).await;
    assert!(own != one && one != other && own != other);
    assert_eq!(take(&bearer("1")).await.0, one, "the same person sent it again");
    let found = bearer("2")
        .get("/backup/jobs?idempotency_key=k")
        .await
        .expect(200)
        .json();
    assert_eq!((&found["total"], &found["items"][0]["id"]), (&json!(1), &other));
    let me = bearer("1").get("/auth/me").await.expect(200).json();
    assert_eq!((&me["id"], &me["issuer"]), (&json!(null), &json!(ISSUER)));
}

/// Providers such as Keycloak and Entra name several roles in one token.
#[tokio::test(flavor = "multi_thread")]
async fn role_can_be_one_of_several() {
    let provider = provider(Algorithm::Es256).await;
    let several = with("school_role", json!(["teacher", "backup-admin"]));
    assert_eq!(status(&provider, &provider.key.issue(several)).await, 200);
    let audiences = with("aud", json!(["account", AUDIENCE]));
    assert_eq!(status(&provider, &provider.key.issue(audiences)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_users_of_the_provider_are_refused() {
    let provider = provider(Algorithm::Es256).await;
    for role in [
        json!("teacher"),
        json!("admin"),
        json!("backup-admin-not"),
        json!(["teacher"]),
        json!([]),
        json!(1),
        json!(null),
    ] {
        let answer = status(&provider, &provider.key.issue(with("school_role", role.clone()))).await;
        assert!(matches!(answer, 401 | 403), "{role}: {answer}");
    }
    let teacher = provider
        .service
        .bearer(&provider.key.issue(with("school_role", json!("teacher"))));
    teacher.get("/backup/stats").await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_for_other_services_are_refused() {
    let provider = provider(Algorithm::Es256).await;
    let now = chrono::Utc::now().timestamp();
    for (why, claims) in [
        ("for another audience", with("aud", json!("another-service"))),
        ("for no audience", with("aud", json!(null))),
        (
            "of another issuer",
            with("iss", json!("https://login.school.example/realms/parents")),
        ),
        ("expired", with("exp", json!(now - 10))),
        ("never expires", with("exp", json!(null))),
        ("not yet valid", with("nbf", json!(now + 60))),
        ("without a subject", with("sub", json!(null))),
    ] {
        assert_eq!(status(&provider, &provider.key.issue(claims)).await, 401, "{why}");
    }
    let stranger = ProviderKey::new(Algorithm::Es256, "signs");
    assert_eq!(
        status(&provider, &stranger.issue(claims())).await,
        401,
        "a key that only has the name"
    );
    let unknown = ProviderKey::new(Algorithm::Es256, "unheard-of");
    assert_eq!(status(&provider, &unknown.issue(claims())).await, 401, "an unknown key");
}

/// A known attack: the public key is used as a shared secret (RFC 8725, section 2.1).
#[tokio::test(flavor = "multi_thread")]
async fn public_key_is_refused_as_a_shared_secret() {
    let provider = provider(Algorithm::Rs256).await;
    for secret in [
        provider.key.public["n"].as_str().unwrap(),
        &provider.key.public.to_string(),
    ] {
        for algorithm in ["HS256", "RS256", "none"] {
            let header = json!({"alg": algorithm, "typ": "JWT", "kid": "signs"});
            let token = Token {
                header,
                claims: claims(),
            };
            assert_eq!(status(&provider, &token.sign(secret)).await, 401);
            assert_eq!(status(&provider, &token.unsigned()).await, 401);
        }
    }
}

/// The service refuses the provider's tokens for its own accounts, and the reverse.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_provider_and_service_are_not_interchangeable() {
    let provider = provider(Algorithm::Es256).await;
    let own = Token::open(provider.service.admin().await.token());
    assert_eq!(status(&provider, &provider.key.issue(own.claims)).await, 401);
}
