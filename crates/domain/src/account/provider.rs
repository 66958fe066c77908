//! Tokens of an identity provider (OpenID Connect, or anything else that signs JWTs and publishes its keys).
//!
//! Its users are not in the table of users. They are identified by issuer and subject. Where their names are recorded,
//! the issuer is added, because a local user may have the same name. A user with the configured role at the provider is
//! an administrator here. Every other user is treated as a teacher: authenticated, and refused.

use std::fmt;

use jsonwebtoken::{Algorithm, Header, decode};
use serde_json::{Map, Value};

use super::jwks::{JwksSource, ProviderKeys};
use super::principal::Subject;
use super::token::{NOT_VALID, refused, strict};
use super::{LONGEST_NAME, Principal, invalid};
use crate::entity::user::Role;
use crate::error::{Error, Result};

/// The algorithms that a provider's token may use: public keys only. If HMAC were allowed, the published key could be
/// used as a secret.
pub(super) const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// The types that providers give to access tokens (RFC 9068 and older practice). Other types, such as `logout+jwt`,
/// have another purpose.
const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// An external identity provider.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// Where its public keys are.
    pub jwks: JwksSource,
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// The claim with the roles: its name, or a path with dots such as `realm_access.roles`.
    pub role_claim: String,
    /// The role of administrators.
    pub admin_role: String,
}

/// Verifies the tokens of one identity provider.
pub(super) struct Provider {
    keys: ProviderKeys,
    settings: IdentityProvider,
}

impl Provider {
    pub(super) fn new(settings: IdentityProvider) -> Result<Self> {
        for (field, value) in [
            ("oidc_issuer", &settings.issuer),
            ("oidc_audience", &settings.audience),
            ("oidc_role_claim", &settings.role_claim),
            ("oidc_admin_role", &settings.admin_role),
        ] {
            if value.trim().is_empty() {
                return Err(invalid(field, "must not be empty"));
            }
        }
        Ok(Self {
            keys: ProviderKeys::new(settings.jwks.clone())?,
            settings,
        })
    }

    /// The user of a token.
    pub(super) async fn verify(&self, header: &Header, token: &str) -> Result<Principal> {
        let no = Error::Unauthenticated(NOT_VALID);
        let known_type = |typ: &str| TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ));
        if !ALGORITHMS.contains(&header.alg) || !header.typ.as_deref().is_none_or(known_type) {
            return Err(no);
        }
        let key = self.keys.find(header.alg, header.kid.as_deref()).await?;
        let validation = strict(header.alg, &self.settings.issuer, &self.settings.audience);
        let claims = decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(|error| refused(&error))?
            .claims;
        // The library also accepts a list of issuers that contains ours.
        if claims.get("iss").and_then(Value::as_str) != Some(&self.settings.issuer) {
            return Err(no);
        }
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let subject = Subject {
            issuer: self.settings.issuer.clone(),
            id: text("sub").ok_or(Error::Unauthenticated(NOT_VALID))?.to_owned(),
        };
        let names = [text("preferred_username"), text("sub")];
        let username = names.into_iter().flatten().find(|name| is_name(name)).ok_or(no)?;
        let role = if self.is_admin(&claims) {
            Role::Admin
        } else {
            Role::Teacher
        };
        let email = text("email").filter(|email| is_name(email)).map(str::to_owned);
        Ok(Principal::of_provider(subject, username.to_owned(), email, role))
    }

    fn is_admin(&self, claims: &Map<String, Value>) -> bool {
        let name = &self.settings.role_claim;
        let wanted = &self.settings.admin_role;
        // A name may have dots of its own, as `https://school.example/roles` has.
        let found = claims.get(name).or_else(|| {
            let mut steps = name.split('.');
            let first = claims.get(steps.next()?)?;
            steps.try_fold(first, |value, step| value.get(step))
        });
        match found {
            Some(Value::String(role)) => role == wanted,
            Some(Value::Array(roles)) => roles.iter().any(|role| role.as_str() == Some(wanted)),
            _ => false,
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("settings", &self.settings).finish()
    }
}

/// Whether it can be shown and stored as a name.
fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control) && text.chars().nth(LONGEST_NAME).is_none()
}
