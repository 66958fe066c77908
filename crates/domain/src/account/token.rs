//! Our own tokens, signed with HS256. Access tokens are JWTs of the profile in RFC 9068. Refresh tokens
//! ([`refresh`](super::refresh)) have another type and another audience.
//!
//! A token is for one installation: its audience has the installation's id.
//!
//! The library's defaults accept too much (RFC 8725). Here the algorithm, the type, the issuer and the audience are
//! fixed, every claim is required with its JSON type, and an unknown critical header is refused.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use secrecy::{ExposeSecret, SecretSlice};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zxcvbn::zxcvbn;

use super::invalid;
use super::session::TokenSession;
use crate::entity::user::Role;
use crate::error::{Error, Result};

pub(super) const NOT_VALID: &str = "the token is not valid";
pub(super) const NO_LONGER_ACTIVE: &str = "the account is no longer active";

const ISSUER: &str = "campus-backup";
/// The action, for errors.
const SIGNING: &str = "signing a token";
/// The shortest secret for HS256 (RFC 7518, section 3.2), in bytes.
const SHORTEST_SECRET: usize = 32;
/// How many guesses a secret must withstand, as a power of ten: an attacker with a token can try guesses offline, at
/// any speed.
const SECRET_GUESSES: f64 = 18.0;

/// How many different pairs of neighbouring digits random hexadecimal digits have at least: 64 of them have 56 on average,
/// and practically never fewer than this.
const RANDOM_PAIRS: usize = 40;
/// No genuine token is longer, and parsing costs time before anything is verified.
const LONGEST_TOKEN: usize = 16 * 1024;
/// How many seconds two clocks may differ.
pub(super) const LEEWAY: u64 = 5;

/// Signs and verifies tokens.
pub(super) struct TokenIssuer {
    signing: EncodingKey,
    /// The current secret first.
    verifying: Vec<DecodingKey>,
    access: TokenProfile,
    refresh: TokenProfile,
}

/// A token and when it ends.
pub(super) struct IssuedToken {
    pub(super) token: String,
    pub(super) expires_at: DateTime<Utc>,
}

/// The content of a verified token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VerifiedToken {
    /// The user whose token it is.
    pub(super) user_id: i64,
    /// The session that it belongs to.
    pub(super) session: TokenSession,
    /// When it ends.
    pub(super) expires_at: DateTime<Utc>,
}

/// The purpose of a token. A token for one purpose is refused for every other, although the secret is the same.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenKind {
    /// To call the API.
    Access,
    /// To get the next access token.
    Refresh,
}

/// The header and the audience of a kind of token.
struct TokenProfile {
    typ: &'static str,
    audience: String,
    validation: Validation,
}

impl TokenProfile {
    fn new(typ: &'static str, audience: String) -> Self {
        let mut validation = strict(Algorithm::HS256, ISSUER, &audience);
        validation.required_spec_claims.insert("nbf".to_owned());
        Self {
            typ,
            audience,
            validation,
        }
    }
}

/// The claims of every token of ours, and those of its kind. Every claim has one type: the library skips a claim of an
/// unexpected type.
#[derive(Serialize, Deserialize)]
pub(super) struct TokenClaims<C> {
    iss: String,
    aud: String,
    sub: String,
    exp: u64,
    iat: u64,
    nbf: u64,
    jti: String,
    #[serde(flatten)]
    pub(super) own: C,
}

impl<C> TokenClaims<C> {
    /// The user whose token it is.
    pub(super) fn user_id(&self) -> Result<i64> {
        self.sub.parse().map_err(|_| Error::Unauthenticated(NOT_VALID))
    }

    /// When the token ends.
    pub(super) fn expires_at(&self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.exp).ok();
        seconds
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// The claims of an access token only.
#[derive(Serialize, Deserialize)]
struct AccessClaims {
    #[serde(flatten)]
    session: TokenSession,
    /// Informational: the role in the database counts.
    role: Role,
}

impl TokenIssuer {
    /// # Errors
    /// [`Error::Invalid`] if a secret is none, see [`check_secret`].
    pub(super) fn new(
        secret: &SecretSlice<u8>,
        previous: Option<&SecretSlice<u8>>,
        installation: &str,
    ) -> Result<Self> {
        let secrets = [
            Some(("jwt_secret", secret)),
            previous.map(|secret| ("jwt_secret_previous", secret)),
        ];
        let mut verifying = Vec::new();
        for (field, secret) in secrets.into_iter().flatten() {
            check_secret(secret.expose_secret()).map_err(|problem| invalid(field, problem))?;
            verifying.push(DecodingKey::from_secret(secret.expose_secret()));
        }
        Ok(Self {
            signing: EncodingKey::from_secret(secret.expose_secret()),
            verifying,
            access: TokenProfile::new("at+jwt", format!("campus-backup-api/{installation}")),
            refresh: TokenProfile::new(
                "campus-backup-refresh+jwt",
                format!("campus-backup-refresh/{installation}"),
            ),
        })
    }

    fn usage(&self, kind: TokenKind) -> &TokenProfile {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        }
    }

    /// Issues an access token for a session.
    pub(super) fn issue(
        &self,
        user_id: i64,
        role: Role,
        lifetime: Duration,
        session: TokenSession,
    ) -> Result<IssuedToken> {
        let (token, claims) = self.sign(TokenKind::Access, user_id, lifetime, AccessClaims { session, role })?;
        Ok(IssuedToken {
            token,
            expires_at: claims.expires_at(),
        })
    }

    /// The content of an access token, if it is one of ours and has not expired.
    pub(super) fn verify(&self, header: &Header, token: &str) -> Result<VerifiedToken> {
        let claims: TokenClaims<AccessClaims> = self.claims(TokenKind::Access, header, token)?;
        Ok(VerifiedToken {
            user_id: claims.user_id()?,
            expires_at: claims.expires_at(),
            session: claims.own.session,
        })
    }

    /// The user of an access token of ours, expired or not.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]
    pub(super) fn signed_for(&self, header: &Header, token: &str) -> Result<i64> {
        let mut validation = self.access.validation.clone();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = self.claims_by::<AccessClaims>(&self.access, &validation, header, token)?;
        claims.user_id()
    }

    /// Signs a token of a kind. Returns it with its claims.
    pub(super) fn sign<C: Serialize>(
        &self,
        kind: TokenKind,
        user_id: i64,
        lifetime: Duration,
        own: C,
    ) -> Result<(String, TokenClaims<C>)> {
        let now = jsonwebtoken::get_current_timestamp();
        let usage = self.usage(kind);
        let claims = TokenClaims {
            iss: ISSUER.to_owned(),
            aud: usage.audience.clone(),
            sub: user_id.to_string(),
            exp: now.saturating_add(lifetime.as_secs()),
            iat: now,
            nbf: now,
            jti: Uuid::now_v7().to_string(),
            own,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(usage.typ.to_owned());
        let token = encode(&header, &claims, &self.signing).map_err(Error::internal(SIGNING))?;
        Ok((token, claims))
    }

    /// The claims of a token of that kind, if it is one of ours and valid.
    pub(super) fn claims<C: DeserializeOwned>(
        &self,
        kind: TokenKind,
        header: &Header,
        token: &str,
    ) -> Result<TokenClaims<C>> {
        let usage = self.usage(kind);
        self.claims_by(usage, &usage.validation, header, token)
    }

    fn claims_by<C: DeserializeOwned>(
        &self,
        usage: &TokenProfile,
        validation: &Validation,
        header: &Header,
        token: &str,
    ) -> Result<TokenClaims<C>> {
        if header.typ.as_deref() != Some(usage.typ) {
            return Err(Error::Unauthenticated(NOT_VALID));
        }
        let mut refusal = Error::Unauthenticated(NOT_VALID);
        for key in &self.verifying {
            match decode::<TokenClaims<C>>(token, key, validation) {
                Ok(verified) => return Ok(verified.claims),
                // Perhaps it was signed with the previous secret.
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                Err(error) => {
                    refusal = refused(&error);
                    break;
                }
            }
        }
        Err(refusal)
    }
}

/// Whether tokens may be signed with it: long enough, and not easy to guess.
///
/// # Errors
/// What is wrong. The text follows the name of the setting, and does not contain the secret.
pub fn check_secret(secret: &[u8]) -> Result<(), String> {
    if secret.len() < SHORTEST_SECRET {
        return Err(format!(
            "must have at least {SHORTEST_SECRET} bytes, and has {}",
            secret.len()
        ));
    }
    let is_strong = is_random_hexadecimal(secret)
        || zxcvbn(&String::from_utf8_lossy(secret), &["campus-backup"]).guesses_log10() >= SECRET_GUESSES;
    match is_strong {
        true => Ok(()),
        false => Err("is too easy to guess; `openssl rand -hex 32` makes a good one".to_owned()),
    }
}

/// Whether a secret has 64 hexadecimal digits or more and no pattern, as the service makes its own. An estimate of the
/// guesses would read word lists into memory, where they stay.
fn is_random_hexadecimal(secret: &[u8]) -> bool {
    let is_hexadecimal = secret.len() >= 64 && secret.iter().all(u8::is_ascii_hexdigit);
    let pairs: HashSet<&[u8]> = secret.windows(2).collect();
    is_hexadecimal && pairs.len() >= RANDOM_PAIRS
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").finish_non_exhaustive()
    }
}

/// The checks for every token, ours or the identity provider's.
pub(super) fn strict(algorithm: Algorithm, issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

/// The header, not yet verified. An unknown algorithm, including `none`, and a critical header are refused here; RFC
/// 7515 requires the latter.
pub(super) fn read_header(token: &str) -> Result<Header> {
    if token.len() > LONGEST_TOKEN {
        return Err(Error::Unauthenticated(NOT_VALID));
    }
    match decode_header(token) {
        Ok(header) if header.crit.is_none() => Ok(header),
        _ => Err(Error::Unauthenticated(NOT_VALID)),
    }
}

/// The reason for the client: enough for an honest one, and nothing useful to an attacker.
pub(super) fn refused(error: &jsonwebtoken::errors::Error) -> Error {
    Error::Unauthenticated(match error.kind() {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        _ => NOT_VALID,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::super::session::SessionRights;
    use super::*;

    const SECRET: &[u8] = super::super::tests::SECRET.as_bytes();
    const OTHER_SECRET: &[u8] = super::super::tests::OTHER_SECRET.as_bytes();
    const AUDIENCE: &str = "campus-backup-api/here";
    const TYPE: &str = "at+jwt";

    fn tokens() -> TokenIssuer {
        TokenIssuer::new(&SECRET.to_vec().into(), None, "here").unwrap()
    }

    fn session() -> TokenSession {
        TokenSession {
            id: "s".to_owned(),
            epoch: 3,
            account: "a".to_owned(),
            rights: SessionRights::Full,
        }
    }

    fn verify(token: &str) -> Result<VerifiedToken> {
        tokens().verify(&read_header(token)?, token)
    }

    fn good_claims() -> Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "42", "exp": now + 60, "iat": now, "nbf": now,
            "jti": Uuid::now_v7().to_string(), "role": "admin", "sid": "s", "epoch": 3, "account": "a",
        })
    }

    fn good_header() -> Header {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header
    }

    fn sign(header: &Header, claims: &Value) -> String {
        encode(header, claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    fn base64url(bytes: &[u8]) -> String {
        // An `oct` key of JSON Web Key is its bytes in base64url.
        let key = EncodingKey::from_secret(bytes);
        let key = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::HS256).unwrap();
        serde_json::to_value(key).unwrap()["k"].as_str().unwrap().to_owned()
    }

    fn reason(result: Result<VerifiedToken>) -> &'static str {
        match result {
            Err(Error::Unauthenticated(reason)) => reason,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn wrong_missing_or_mistyped_claims_are_refused() {
        let now = jsonwebtoken::get_current_timestamp();
        let verified = verify(&sign(&good_header(), &good_claims())).unwrap();
        assert_eq!((verified.user_id, verified.session), (42, session()));
        for (claim, value, expected) in [
            ("exp", json!(now - 10), "the token has expired"),
            ("nbf", json!(now + 30), "the token is not valid yet"),
            ("exp", json!((now + 60).to_string()), NOT_VALID),
            ("exp", json!(-1), NOT_VALID),
            ("nbf", json!("0"), NOT_VALID),
            ("iss", json!("another-service"), NOT_VALID),
            ("iss", json!([ISSUER]), NOT_VALID),
            ("iss", json!(7), NOT_VALID),
            ("aud", json!("campus-backup-link"), NOT_VALID),
            ("aud", json!("campus-backup-api"), NOT_VALID),
            ("aud", json!("campus-backup-api/there"), NOT_VALID),
            ("aud", json!("campus-backup-refresh/here"), NOT_VALID),
            ("aud", json!([AUDIENCE]), NOT_VALID),
            ("aud", json!({}), NOT_VALID),
            ("sub", json!(42), NOT_VALID),
            ("sub", json!("forty-two"), NOT_VALID),
            ("sub", json!(""), NOT_VALID),
            ("role", json!("root"), NOT_VALID),
            ("sid", json!(7), NOT_VALID),
            ("account", json!(null), NOT_VALID),
            ("epoch", json!("1"), NOT_VALID),
            ("epoch", json!(null), NOT_VALID),
            ("rights", json!("none"), NOT_VALID),
            ("rights", json!(null), NOT_VALID),
        ] {
            let mut claims = good_claims();
            claims[claim] = value.clone();
            let result = verify(&sign(&good_header(), &claims));
            assert_eq!(reason(result), expected, "{claim} = {value}");
        }
        for claim in [
            "iss", "aud", "sub", "exp", "iat", "nbf", "jti", "role", "sid", "epoch", "account",
        ] {
            let mut claims = good_claims();
            claims.as_object_mut().unwrap().remove(claim);
            assert_eq!(
                reason(verify(&sign(&good_header(), &claims))),
                NOT_VALID,
                "without {claim}"
            );
        }
    }

    #[test]
    fn foreign_headers_are_refused() {
        let mut types = vec![good_header(); 4];
        types[0].typ = None;
        types[1].typ = Some("JWT".to_owned());
        types[2].typ = Some("link+jwt".to_owned());
        types[3].crit = Some(vec!["b64".to_owned()]);
        for header in types {
            assert_eq!(reason(verify(&sign(&header, &good_claims()))), NOT_VALID, "{header:?}");
        }
        let mut longer = good_header();
        longer.alg = Algorithm::HS512;
        assert_eq!(reason(verify(&sign(&longer, &good_claims()))), NOT_VALID);
        let claims = base64url(good_claims().to_string().as_bytes());
        for algorithm in ["none", "None", "nOnE", ""] {
            let header = base64url(json!({"alg": algorithm, "typ": TYPE}).to_string().as_bytes());
            for signature in ["", "AAAA"] {
                let token = format!("{header}.{claims}.{signature}");
                assert_eq!(reason(verify(&token)), NOT_VALID, "{algorithm}");
            }
        }
    }

    #[test]
    fn malformed_tokens_are_refused() {
        let good = sign(&good_header(), &good_claims());
        let changed = format!("{}A{}", &good[..good.len() / 2], &good[good.len() / 2 + 1..]);
        let long = format!("{good}{}", "A".repeat(LONGEST_TOKEN));
        for token in [
            "",
            ".",
            "..",
            "a.b.c",
            "ü.ü.ü",
            &good[..good.len() - 4],
            &changed,
            &long,
        ] {
            assert_eq!(reason(verify(token)), NOT_VALID, "{token}");
        }
    }

    #[test]
    fn the_previous_secret_is_accepted_and_any_other_is_not() {
        let old = tokens()
            .issue(42, Role::Admin, Duration::from_secs(60), session())
            .unwrap()
            .token;
        let header = read_header(&old).unwrap();
        let new = OTHER_SECRET.to_vec().into();
        assert!(
            TokenIssuer::new(&new, None, "here")
                .unwrap()
                .verify(&header, &old)
                .is_err()
        );
        let rotating = TokenIssuer::new(&new, Some(&SECRET.to_vec().into()), "here").unwrap();
        let verified = rotating.verify(&header, &old).unwrap();
        assert_eq!((verified.user_id, verified.session), (42, session()));
        let fresh = rotating
            .issue(42, Role::Admin, Duration::from_secs(60), session())
            .unwrap()
            .token;
        assert!(tokens().verify(&header, &fresh).is_err(), "the new secret signs");
    }

    #[test]
    fn tokens_of_another_installation_are_refused() {
        let token = tokens()
            .issue(42, Role::Admin, Duration::from_secs(60), session())
            .unwrap()
            .token;
        let header = read_header(&token).unwrap();
        let elsewhere = TokenIssuer::new(&SECRET.to_vec().into(), None, "there").unwrap();
        assert_eq!(reason(elsewhere.verify(&header, &token)), NOT_VALID);
        tokens().verify(&header, &token).unwrap();
    }

    #[test]
    fn short_secrets_and_those_easy_to_guess_are_refused() {
        let refused = |secret: &str| {
            let (long, secret) = (SECRET.to_vec().into(), secret.as_bytes().to_vec().into());
            assert!(TokenIssuer::new(&secret, None, "here").is_err());
            assert!(TokenIssuer::new(&long, Some(&secret), "here").is_err());
        };
        refused(&OTHER_SECRET.escape_ascii().to_string()[..31]);
        for easy in [
            &"x".repeat(32),
            &"x".repeat(5_000),
            &"abc".repeat(20),
            "12345678901234567890123456789012",
            "passwordpasswordpasswordpassword",
            "campus-backup-campus-backup-campus-backup",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            refused(easy);
            let problem = check_secret(easy.as_bytes()).unwrap_err();
            assert!(
                problem.contains("easy to guess") && !problem.contains(easy),
                "{problem}"
            );
        }
        for _ in 0..100 {
            let random: [u8; 32] = rand::random();
            let hexadecimal = hex::encode(random);
            assert!(is_random_hexadecimal(hexadecimal.as_bytes()), "{hexadecimal}");
            assert!(!is_random_hexadecimal(&hexadecimal.as_bytes()[..63]));
            check_secret(hexadecimal.as_bytes()).unwrap();
            check_secret(&random).unwrap();
        }
    }
}
