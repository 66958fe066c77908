//! Admits only administrators to `/backup`, `/accounts` and `/auth/tokens`, and named tokens only with the scope of the operation.
//!
//! Every function of the domain that discloses or deletes data requires an [`Admin`], which only a verified token or a download link
//! can create. The guard creates it, and a handler gets it as [`Granted`]. For what every user may do, it is [`Identified`].

use std::future::{Ready, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError as _, web};
use campus_backup_domain::account::{Admin, Principal, TokenScope, TokenScopes};
use campus_backup_domain::audit::AuditEvent;

use super::{problems, span};
use crate::AppState;
use crate::client_ip::client_address;
use crate::link::{self, Intent};
use crate::link_page;
use crate::openapi::{KnownPaths, Requirement};
use crate::problem::{ApiError, Code};
use crate::security_log::{record_access_refusal, record_refusal};

/// The administrator of a request.
pub struct Granted(pub Admin);

impl FromRequest for Granted {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let admin = request.extensions().get::<Admin>().cloned();
        ready(admin.map(Self).ok_or_else(ApiError::no_token))
    }
}

/// The user of a request.
pub struct Identified(pub Principal);

impl FromRequest for Identified {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let principal = request.extensions().get::<Principal>().cloned();
        ready(principal.map(Self).ok_or_else(ApiError::no_token))
    }
}

/// Wraps what every signed-in user may do, also one with a one-time password.
pub async fn admit_everybody(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let principal = identified(&request).await?;
    request.extensions_mut().insert(principal);
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Wraps what every signed-in user may do after the change of a one-time password.
pub async fn admit_users(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let principal = identified(&request).await?;
    let changed = principal.ensure_password_is_changed();
    if let Err(error) = changed {
        return Err(access_refused(&request, &principal, error.into()).await.into());
    }
    request.extensions_mut().insert(principal);
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// The user of a request, whose named token has the scope of the operation.
async fn identified(request: &ServiceRequest) -> Result<Principal, ApiError> {
    let state = state_of(request)?;
    let principal = principal(&state, request.request()).await?;
    let scopes = principal.token.as_ref().map(|token| &token.scopes);
    match ensure_scope(request, scopes) {
        Ok(()) => Ok(principal),
        Err(error) => Err(access_refused(request, &principal, error).await),
    }
}

/// Wraps what only administrators may do.
pub async fn admit(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse, Error> {
    let state = state_of(&request)?;
    let target = link::target(request.path()).filter(|_| request.method() == Method::GET);
    let admin = match (link::token(request.query_string()), target) {
        (Some(token), Some(target)) if !request.headers().contains_key(AUTHORIZATION) => {
            let query = request.query_string();
            let path = link::path_without_token(request.path(), query);
            let accounts = &state.accounts;
            let refused = async |error: ApiError| {
                let user = accounts.user_of_refused_link(&token).await;
                record_refusal(request.request(), AuditEvent::LinkRefused, &user, error.code().name()).await;
                error
            };
            let redeemed = match Intent::of(request.request(), target)? {
                Intent::Look => {
                    if let Err(error) = accounts.look_up_link(&token, &path).await {
                        return Err(refused(error.into()).await.into());
                    }
                    let page = link_page::answer(target, query);
                    return Ok(request.into_response(page));
                }
                Intent::Part => accounts.share_link(&token, &path).await,
                Intent::Download => accounts.redeem_link(&token, &path).await,
            };
            let (admin, link_use) = match redeemed {
                Ok(redeemed) => redeemed,
                Err(error) => return Err(refused(error.into()).await.into()),
            };
            // A refused link stays good.
            if let Err(error) = ensure_scope(&request, admin.scopes()) {
                return Err(refused(error).await.into());
            }
            request.extensions_mut().insert(link::Claimed::new(link_use));
            span::name_user(admin.username());
            admin
        }
        _ => {
            let principal = principal(&state, request.request()).await?;
            let admin = principal.admin().map_err(ApiError::from);
            let admitted = admin.and_then(|admin| ensure_scope(&request, admin.scopes()).map(|()| admin));
            match admitted {
                Ok(admin) => admin,
                Err(error) => return Err(access_refused(&request, &principal, error).await.into()),
            }
        }
    };
    let admin = admin.with_client(client_address(request.request()));
    request.extensions_mut().insert(admin);
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn state_of(request: &ServiceRequest) -> Result<web::Data<AppState>, ApiError> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    state.ok_or_else(|| ApiError::internal("the application has no state"))
}

/// Ensures that a named token has the scope that the API's document states for the operation.
///
/// # Errors
/// 403 `scope_missing`; 404 or 405 if there is no such operation.
fn ensure_scope(request: &ServiceRequest, scopes: Option<&TokenScopes>) -> Result<(), ApiError> {
    let Some(scopes) = scopes else { return Ok(()) };
    let known = request
        .app_data::<web::Data<KnownPaths>>()
        .ok_or_else(|| ApiError::internal("the application has no list of operations"))?;
    // The path that the router has matched: another form of it must not lead past the scope.
    let path = request.match_info().as_str();
    let needed = match known.requirement(request.method().as_str(), path) {
        Requirement::Scope(scope) => scope,
        Requirement::Unstated => TokenScope::Admin,
        Requirement::Unknown => return Err(problems::unknown(request.method(), path, known)),
    };
    match scopes.allow(needed) {
        true => Ok(()),
        false => Err(campus_backup_domain::Error::ScopeMissing { scope: needed }.into()),
    }
}

/// Records that a signed-in user was refused.
async fn access_refused(request: &ServiceRequest, principal: &Principal, error: ApiError) -> ApiError {
    if error.status_code() != StatusCode::FORBIDDEN {
        return error;
    }
    let (status, reason) = (error.status_code().as_u16(), error.code().name());
    record_access_refusal(request.request(), principal, status, reason).await;
    error
}

/// The user of the request's token. The token is verified, and the user is active.
///
/// # Errors
/// 401 without a token, with several, or with an invalid one. A token in the query string does not count.
pub async fn principal(state: &AppState, request: &HttpRequest) -> Result<Principal, ApiError> {
    // RFC 6750, section 5.3: logs and histories would contain it. The message tells the client that it is exposed already.
    if link::has(request.query_string(), "access_token") {
        return Err(ApiError::invalid(
            "access_token",
            "must not be in the address; send it as `Authorization: Bearer`",
        ));
    }
    let mut sent = request.headers().get_all(AUTHORIZATION);
    let Some(header) = sent.next() else {
        return Err(ApiError::no_token());
    };
    if sent.next().is_some() {
        return Err(ApiError::invalid_token("there is more than one Authorization header"));
    }
    match token_of(header) {
        // A copied token often includes the scheme.
        Some(token)
            if token
                .split_once(' ')
                .is_some_and(|(word, _)| word.eq_ignore_ascii_case("bearer")) =>
        {
            Err(ApiError::invalid_token(
                "the Authorization header has `Bearer` twice; send it once, before the token",
            ))
        }
        Some(token) => {
            let accounts = &state.accounts;
            let principal = accounts.authenticate(token).await;
            if let Err(campus_backup_domain::Error::Unauthenticated(reason)) = &principal {
                let user = accounts.user_of_refused_token(token).await;
                record_refusal(request, AuditEvent::TokenRefused, &user, reason).await;
            }
            let principal = principal?;
            accounts.record_token_use(&principal, client_address(request)).await;
            span::name_user(&principal.username);
            Ok(principal)
        }
        None => Err(ApiError::new(
            Code::Unauthenticated,
            "The Authorization header must be `Bearer` and a token.",
        )),
    }
}

/// The unverified bearer token of a request; `None` if there is not exactly one.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut sent = request.headers().get_all(AUTHORIZATION);
    match (sent.next(), sent.next()) {
        (Some(header), None) => token_of(header),
        _ => None,
    }
}

/// Whether the request would still be admitted. Other errors, such as an unreachable database, are reported elsewhere.
pub async fn is_still_admitted(state: &AppState, request: &HttpRequest) -> bool {
    let admitted = match principal(state, request).await {
        Ok(principal) => principal.admin().map_err(ApiError::from).map(drop),
        Err(error) => Err(error),
    };
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    admitted
        .err()
        .is_none_or(|error| !refused.contains(&error.status_code()))
}

fn token_of(header: &HeaderValue) -> Option<&str> {
    // RFC 9110, section 11.1: the scheme's case does not matter.
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
