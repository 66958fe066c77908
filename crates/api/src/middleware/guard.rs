//! Admits only administrators to `/backup`.
//!
//! Every function of the domain that discloses or deletes data requires an [`Admin`], which only a verified token or a download link
//! can create. The guard creates it, and a handler gets it as [`Granted`].

use std::future::{Ready, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError as _, web};
use campus_backup_domain::account::{Admin, Principal, RefusedUser};

use crate::AppState;
use crate::link::{self, Intent};
use crate::link_page;
use crate::problem::{ApiError, Code};
use crate::security_log::record_refusal;

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

/// Wraps the scope `/backup`.
pub async fn admit(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse, Error> {
    let state = request
        .app_data::<web::Data<AppState>>()
        .cloned()
        .ok_or_else(|| ApiError::internal("the application has no state"))?;
    let target = link::target(request.path()).filter(|_| request.method() == Method::GET);
    let admin = match (link::token(request.query_string()), target) {
        (Some(token), Some(target)) if !request.headers().contains_key(AUTHORIZATION) => {
            let query = request.query_string();
            let path = link::path_without_token(request.path(), query);
            let accounts = &state.accounts;
            let refused = async |error: campus_backup_domain::Error| {
                let error = ApiError::from(error);
                let user = accounts.user_of_refused_link(&token).await;
                record_refusal(request.request(), "link_refused", &user, error.code().name());
                error
            };
            let redeemed = match Intent::of(request.request(), target)? {
                Intent::Look => {
                    if let Err(error) = accounts.look_up_link(&token, &path).await {
                        return Err(refused(error).await.into());
                    }
                    let page = link_page::answer(target, query);
                    return Ok(request.into_response(page));
                }
                Intent::Part => accounts.share_link(&token, &path).await,
                Intent::Download => accounts.redeem_link(&token, &path).await,
            };
            let (admin, link_use) = match redeemed {
                Ok(redeemed) => redeemed,
                Err(error) => return Err(refused(error).await.into()),
            };
            request.extensions_mut().insert(link::Claimed::new(link_use));
            admin
        }
        _ => {
            let principal = principal(&state, request.request()).await?;
            principal.admin().map_err(|error| {
                let error = ApiError::from(error);
                let user = RefusedUser {
                    id: principal.user_id,
                    name: Some(principal.username.clone()),
                };
                record_refusal(request.request(), "access_refused", &user, error.code().name());
                error
            })?
        }
    };
    request.extensions_mut().insert(admin);
    Ok(next.call(request).await?.map_into_boxed_body())
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
                record_refusal(request, "token_refused", &user, reason);
            }
            Ok(principal?)
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
