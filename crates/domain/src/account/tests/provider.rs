//! Tokens of an external identity provider, through the public API.

use std::io::{Read, Write};
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use url::Url;

use super::super::provider::Provider;
use super::super::token::NOT_VALID;
use super::super::{IdentityProvider, JwksSource};
use super::{AccountSettings, SchoolAccounts, refusal};
use crate::entity::user::Role;
use crate::error::Error;

struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn rsa(id: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        // The library wants the PKCS #1 key that PKCS #8 wraps with a header of 26 bytes.
        let key = EncodingKey::from_rsa_der(&der.as_ref()[26..]);
        let algorithm = Algorithm::RS256;
        Self { id, algorithm, key }
    }

    fn ec(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EncodingKey::from_ec_der(der.as_ref());
        let algorithm = Algorithm::ES256;
        Self { id, algorithm, key }
    }

    fn ed(id: &'static str) -> Self {
        let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ed_der(der.as_ref());
        let algorithm = Algorithm::EdDSA;
        Self { id, algorithm, key }
    }

    fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.to_owned());
        header
    }

    fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.school.example", "aud": ["account", "campus"], "sub": "f3a9",
        "exp": get_current_timestamp() + 60, "preferred_username": "ada", "email": "ada@school.example",
        "realm_access": {"roles": ["staff", "backup-admin"]},
    })
}

fn provider(jwks: JwksSource) -> IdentityProvider {
    IdentityProvider {
        jwks,
        issuer: "https://id.school.example".to_owned(),
        audience: "campus".to_owned(),
        role_claim: "realm_access.roles".to_owned(),
        admin_role: "backup-admin".to_owned(),
    }
}

fn publish(folder: &Path, keys: &[Value]) {
    std::fs::write(folder.join("jwks.json"), json!({ "keys": keys }).to_string()).unwrap();
}

async fn school(keys: &[Value]) -> SchoolAccounts {
    let change = |settings: &mut AccountSettings, folder: &Path| {
        publish(folder, keys);
        settings.identity_provider = Some(provider(JwksSource::File(folder.join("jwks.json"))));
    };
    SchoolAccounts::with(change).await
}

async fn refused(school: &SchoolAccounts, token: &str) -> &'static str {
    match refusal(school.accounts.authenticate(token).await) {
        Error::Unauthenticated(reason) => reason,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn invalid_tokens_are_refused() {
    let (rsa, ec) = (Signer::rsa("rsa"), Signer::ec("ec"));
    let school = school(&[rsa.jwk(), ec.jwk()]).await;
    let now = get_current_timestamp();
    for (claim, value, expected) in [
        ("exp", json!(now - 10), "the token has expired"),
        ("nbf", json!(now + 30), "the token is not valid yet"),
        ("iss", json!("https://elsewhere.example"), NOT_VALID),
        ("iss", json!(["https://id.school.example"]), NOT_VALID),
        ("iss", json!("campus-backup"), NOT_VALID),
        ("aud", json!("account"), NOT_VALID),
        ("aud", json!([]), NOT_VALID),
        ("aud", json!(1), NOT_VALID),
        ("sub", json!(7), NOT_VALID),
        ("exp", Value::Null, NOT_VALID),
        ("iss", Value::Null, NOT_VALID),
        ("aud", Value::Null, NOT_VALID),
        ("sub", Value::Null, NOT_VALID),
    ] {
        let mut claims = claims();
        claims[claim] = value.clone();
        assert_eq!(refused(&school, &ec.sign(&claims)).await, expected, "{claim} = {value}");
    }

    let mut headers = vec![ec.header(); 5];
    headers[0].kid = None;
    headers[1].kid = Some("rsa".to_owned());
    headers[2].kid = Some("unknown".to_owned());
    headers[3].typ = Some("logout+jwt".to_owned());
    headers[4].crit = Some(vec!["exp".to_owned()]);
    for header in headers {
        let token = encode(&header, &claims(), &ec.key).unwrap();
        assert_eq!(refused(&school, &token).await, NOT_VALID, "{header:?}");
    }

    let stranger = Signer::ec("ec").sign(&claims());
    assert_eq!(refused(&school, &stranger).await, NOT_VALID);
    let mut other_hash = rsa.header();
    other_hash.alg = Algorithm::RS512;
    let token = encode(&other_hash, &claims(), &rsa.key).unwrap();
    assert_eq!(refused(&school, &token).await, NOT_VALID);
}

#[tokio::test]
async fn public_key_is_not_accepted_as_a_secret_key() {
    let rsa = Signer::rsa("rsa");
    let secret = json!({"kty": "oct", "kid": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"});
    let school = school(&[rsa.jwk(), secret]).await;
    let public = rsa.jwk();
    let published = [public.to_string(), public["n"].as_str().unwrap().to_owned()];
    let secrets = published.iter().map(|text| EncodingKey::from_secret(text.as_bytes()));
    let listed = EncodingKey::from_base64_secret("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0").unwrap();
    for key in secrets.chain([listed]) {
        for (kid, typ) in [("rsa", "JWT"), ("rsa", "at+jwt"), ("oct", "at+jwt")] {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some(kid.to_owned());
            header.typ = Some(typ.to_owned());
            let token = encode(&header, &claims(), &key).unwrap();
            assert_eq!(refused(&school, &token).await, NOT_VALID);
        }
    }
}

#[tokio::test]
async fn each_kind_of_key_is_accepted() {
    let unusable = json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "strange"});
    let mut encryption = Signer::ed("enc").jwk();
    encryption["use"] = json!("enc");
    let signers = [Signer::rsa("rsa"), Signer::ec("ec"), Signer::ed("ed")];
    let mut keys: Vec<_> = signers.iter().map(Signer::jwk).collect();
    keys.extend([unusable, encryption]);
    let school = school(&keys).await;
    for signer in &signers {
        let principal = school.accounts.authenticate(&signer.sign(&claims())).await.unwrap();
        assert_eq!((principal.user_id, principal.username.as_str()), (None, "ada"));
        assert_eq!(principal.email.as_deref(), Some("ada@school.example"));
        let admin = principal.admin().unwrap();
        assert_eq!(principal.issuer.as_deref(), Some("https://id.school.example"));
        assert_eq!(
            (admin.user_id(), admin.username()),
            (None, "ada (via https://id.school.example)")
        );
    }
    // The service's own tokens are accepted as before.
    school.admin().await;
    let own = school
        .accounts
        .issue_token("margaret", std::time::Duration::from_secs(60))
        .await;
    school.accounts.authenticate(&own.unwrap().access_token).await.unwrap();
}

#[tokio::test]
async fn only_the_configured_role_is_an_administrator() {
    let ed = Signer::ed("ed");
    let school = school(&[ed.jwk()]).await;
    for (roles, admin) in [
        (json!({"roles": []}), false),
        (json!({"roles": ["backup-admins"]}), false),
        (json!({"roles": "backup-admin, staff"}), false),
        (json!({"roles": {"backup-admin": true}}), false),
        (json!("backup-admin"), false),
        (Value::Null, false),
        (json!({"roles": "backup-admin"}), true),
        (json!({"roles": [1, "backup-admin"]}), true),
    ] {
        let mut claims = claims();
        claims["realm_access"] = roles.clone();
        // A token needs no key id if there is only one key.
        let token = encode(&Header::new(Algorithm::EdDSA), &claims, &ed.key).unwrap();
        let principal = school.accounts.authenticate(&token).await.unwrap();
        assert_eq!(principal.admin().is_ok(), admin, "{roles}");
        assert_eq!(principal.role == Role::Admin, admin);
    }
    let mut dotted = claims();
    dotted["realm_access"] = Value::Null;
    dotted["realm_access.roles"] = json!(["backup-admin"]);
    dotted["preferred_username"] = json!("a\u{0}b");
    let principal = school.accounts.authenticate(&ed.sign(&dotted)).await.unwrap();
    assert_eq!((principal.role, principal.username.as_str()), (Role::Admin, "f3a9"));
}

#[tokio::test]
async fn old_keys_stay_when_new_ones_cannot_be_read() {
    let (ed, stranger) = (Signer::ed("ed"), Signer::ed("stranger"));
    let padded = format!("{}{}", " ".repeat(2 * 1024 * 1024), json!({"keys": [stranger.jwk()]}));
    for broken in ["", "{}", "{\"keys\":[]}", &padded] {
        let school = school(&[ed.jwk()]).await;
        let token = ed.sign(&claims());
        school.accounts.authenticate(&token).await.unwrap();
        std::fs::write(school.folder.path().join("jwks.json"), broken).unwrap();
        assert_eq!(refused(&school, &stranger.sign(&claims())).await, NOT_VALID);
        school.accounts.authenticate(&token).await.unwrap();
    }
}

#[tokio::test]
async fn tokens_are_refused_without_any_keys() {
    let school = school(&[]).await;
    let token = Signer::ed("ed").sign(&claims());
    assert_eq!(
        refused(&school, &token).await,
        "the identity provider's keys can't be read"
    );
}

/// Answers each request with the next answer, then stops listening.
fn serve(answers: Vec<Vec<u8>>) -> Url {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request);
            // The reader may disconnect early, which is a part of the test.
            let _ = socket.write_all(&answer);
        }
    });
    format!("http://{address}/jwks.json").parse().unwrap()
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn keys_are_fetched_from_an_address() {
    let ed = Signer::ed("ed");
    let document = json!({"keys": [ed.jwk()]}).to_string();
    let padded = format!("{}{document}", " ".repeat(1024 * 1024));
    for (head, body, accepted) in [
        ("500 Internal Server Error", &document, false),
        ("302 Found\r\nlocation: /elsewhere", &document, false),
        ("200 OK", &padded, false),
        ("200 OK", &document, true),
    ] {
        let url = serve(vec![answer(head, body)]);
        let school = SchoolAccounts::with(|settings, _| {
            settings.identity_provider = Some(provider(JwksSource::Url(url)));
        })
        .await;
        let result = school.accounts.authenticate(&ed.sign(&claims())).await;
        assert_eq!(result.is_ok(), accepted, "{head} {result:?}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for address in [
        "ftp://id.school.example/jwks",
        "http://id.school.example/jwks",
        "http://10.0.0.1/jwks",
        "http://localhost.example/jwks",
        "http://[2001:db8::1]/jwks",
        "https://user:secret@id.school.example/jwks",
    ] {
        let settings = provider(JwksSource::Url(address.parse().unwrap()));
        assert!(Provider::new(settings).is_err(), "{address}");
    }
    for address in [
        "https://id.school.example/jwks",
        "http://localhost:8180/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]/jwks",
    ] {
        assert!(JwksSource::Url(address.parse().unwrap()).check().is_ok(), "{address}");
    }
    let mut settings = provider(JwksSource::File("jwks.json".into()));
    settings.admin_role.clear();
    assert!(Provider::new(settings).is_err());
}
