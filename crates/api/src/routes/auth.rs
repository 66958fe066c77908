//! `/auth`: signing in, renewing a session, signing out, and the signed-in user. Signing out everywhere is in
//! [`sessions`](super::sessions), the user's own password in [`password`](super::password), and named tokens in
//! [`tokens`](super::tokens).

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::account::{self, Principal, RefusedUser, TokenScope};
use campus_backup_domain::entity::user::Role;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::client_ip;
use crate::middleware::guard;
use crate::origin::PageOrigin;
use crate::problem::{ApiError, Code};
use crate::security_log::{log_refusal, record_sign_out};
use crate::{cookie, problem_responses};

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(login)
        .service(refresh_session)
        .service(sign_out)
        .service(me);
}

/// A user name and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"username": "admin", "password": "correct horse battery staple"}))]
struct Login {
    /// The user name, exactly as it was given to the user.
    username: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Whether to set the cookie with which `POST /auth/session` gives the next token, for a page that is reloaded. Only
    /// administrators get it, and not with a one-time password.
    #[serde(default)]
    stay_signed_in: bool,
}

impl RequestBody for Login {
    type Form = Self;
}

/// An access token and its user.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.1",
    "token_type": "Bearer",
    "expires_in": 900,
    "password_change_required": false,
    "user": {"id": 1, "username": "admin", "email": null, "role": "admin", "issuer": null},
}))]
pub(super) struct SignedIn {
    /// Send it as `Authorization: Bearer`.
    access_token: String,
    /// Always `Bearer` (RFC 6750).
    token_type: &'static str,
    /// Seconds until the token ends.
    expires_in: u64,
    /// Whether the password is a one-time password. Then the token allows nothing but `GET /auth/me` and `POST /auth/password`,
    /// which changes it.
    password_change_required: bool,
    /// The user.
    user: User,
}

/// A signed-in user.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "username": "admin", "email": "head@school.example", "role": "admin", "issuer": null,
}))]
struct User {
    /// The user's id; `null` for a user of an external identity provider.
    #[schema(required = true)]
    id: Option<i64>,
    /// The user name.
    username: String,
    /// The email address, if it is known.
    #[schema(required = true)]
    email: Option<String>,
    /// The role.
    role: Role,
    /// The external identity provider; `null` for a user of this service. Its users are recorded as `NAME (via ISSUER)`, because a
    /// user of this service may have the same name.
    #[schema(required = true)]
    issuer: Option<String>,
}

impl From<Principal> for User {
    fn from(principal: Principal) -> Self {
        Self {
            id: principal.user_id,
            username: principal.username,
            email: principal.email,
            role: principal.role,
            issuer: principal.issuer,
        }
    }
}

/// The user of a token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "username": "admin", "email": "head@school.example", "role": "admin", "issuer": null,
    "password_change_required": false, "token": null,
}))]
struct Me {
    /// The user's id; `null` for a user of an external identity provider.
    #[schema(required = true)]
    id: Option<i64>,
    /// The user name.
    username: String,
    /// The email address, if it is known.
    #[schema(required = true)]
    email: Option<String>,
    /// The role.
    role: Role,
    /// The external identity provider; `null` for a user of this service.
    #[schema(required = true)]
    issuer: Option<String>,
    /// Whether the user has to change the one-time password before anything else.
    password_change_required: bool,
    /// The named token of the request; `null` for a session.
    #[schema(required = true)]
    token: Option<RequestToken>,
}

/// The named token of a request.
#[derive(Serialize, ToSchema)]
struct RequestToken {
    /// Its id.
    id: i64,
    /// Its name.
    name: String,
    /// Its scopes.
    scopes: Vec<TokenScope>,
    /// When it ends, UTC. It is `null` if it does not end by itself.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
}

impl From<Principal> for Me {
    fn from(principal: Principal) -> Self {
        Self {
            id: principal.user_id,
            username: principal.username,
            email: principal.email,
            role: principal.role,
            issuer: principal.issuer,
            password_change_required: principal.password_change_required,
            token: principal.token.map(|token| RequestToken {
                id: token.id,
                scopes: token.scopes.iter().collect(),
                name: token.name,
                expires_at: token.expires_at,
            }),
        }
    }
}

problem_responses!(
    LoginProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, WrongCredentials,
    Forbidden, PasswordExpired, TooManyLogins, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(SessionProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal);
problem_responses!(SignOutProblems: InvalidField, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal);
problem_responses!(MeProblems: InvalidField, Unauthenticated, DatabaseBusy, DatabaseUnavailable, Internal);

/// Sign in
///
/// Exchanges a user name and password for an access token. Attempts are limited by account and by address. `Retry-After` of a
/// refusal says when the next attempt is possible.
///
/// With a one-time password, which the service has generated, `password_change_required` is true: the token only allows the user to
/// change it with `POST /auth/password`. After a day, a one-time password is refused (403 `password_expired`).
#[utoipa::path(
    operation_id = "createSession",
    tag = "auth",
    security(()),
    request_body(content = Login, description = "The credentials."),
    responses(
        (
            status = 200,
            description = "Signed in.",
            body = SignedIn,
            headers((
                "Set-Cookie" = Option<String>,
                description = "With `stay_signed_in`: the session's cookie, `HttpOnly` and `SameSite=Strict`. By https its name begins with `__Host-`, or with `__Secure-` where the service is under a path."
            )),
        ),
        LoginProblems
    )
)]
#[post("/auth/login")]
async fn login(
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Body<Login>,
) -> Result<HttpResponse, ApiError> {
    let address = client_ip::client_address(&request);
    let login = body.0;
    let page = match login.stay_signed_in {
        true => Some(page_origin(&state, &request)?),
        false => None,
    };
    let signed_in = state.accounts.login(&login.username, &login.password, address).await?;
    answer(&state, &request, signed_in, page)
}

/// Renew a session
///
/// Exchanges the cookie of `POST /auth/login` or of the last call for the next access token and the next cookie. The cookie expires
/// together with the access token of the same answer. The session expires `--session-lifetime` after the sign-in. It ends at once
/// with a sign-out, a new password, the deactivation of the account, or a restore of the data.
///
/// A replaced cookie that is sent again ends the session, because it may be stolen. The last replaced one is still accepted for a
/// minute, because two tabs may send it at once, and an answer may be lost.
///
/// A page of another origin may call it if `--cors-origins` lists the origin: with `credentials: "include"`, as for the sign-in.
/// Any other page is refused (403).
#[utoipa::path(
    operation_id = "refreshSession",
    tag = "auth",
    security(("sessionCookie" = [])),
    responses(
        (
            status = 200,
            description = "The session was renewed.",
            body = SignedIn,
            headers(("Set-Cookie" = String, description = "The session's next cookie.")),
        ),
        SessionProblems
    )
)]
#[post("/auth/session")]
async fn refresh_session(
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let page = page_origin(&state, &request)?;
    let token = cookie::of(&request, &service(&state, &request))
        .ok_or_else(|| ApiError::new(Code::Unauthenticated, "There is no session to renew. Sign in."))?;
    let refreshed = state
        .accounts
        .refresh(&token, Some(client_ip::client_address(&request)))
        .await;
    let signed_in = refreshed.inspect_err(|error| {
        if let Error::Unauthenticated(reason) = error {
            log_refusal(&request, "cookie_refused", &RefusedUser::default(), reason);
        }
    })?;
    answer(&state, &request, signed_in, Some(page))
}

/// Sign out
///
/// Ends the session of the cookie, and the session of the bearer token if one is sent. Their access tokens, refresh tokens and download
/// links are refused afterwards. The browser deletes the cookie. A request without a valid cookie or token succeeds, too.
#[utoipa::path(
    operation_id = "endSession",
    tag = "auth",
    security((), ("sessionCookie" = []), ("bearerAuth" = [])),
    responses(
        (
            status = 204,
            description = "Signed out, or there was no session.",
            headers(("Set-Cookie" = String, description = "An empty, expired cookie.")),
        ),
        SignOutProblems
    )
)]
#[delete("/auth/session")]
async fn sign_out(
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let page = page_origin(&state, &request)?;
    let cookie = cookie::of(&request, &service(&state, &request));
    let tokens = account::SignOut {
        refresh_token: cookie.as_deref(),
        bearer: guard::bearer(&request),
        client: Some(client_ip::client_address(&request)),
    };
    for user_id in state.accounts.sign_out(tokens).await? {
        record_sign_out(&request, "sign_out", None, user_id);
    }
    Ok(signed_out(&state, &request, page))
}

/// The answer that deletes the browser's cookie.
pub(super) fn signed_out(state: &AppState, request: &HttpRequest, page: PageOrigin) -> HttpResponse {
    let mut cookie = cookie::without(&service(state, request));
    cookie.set_same_site(page.same_site());
    HttpResponse::NoContent().cookie(cookie).finish()
}

/// The address of the service for browsers.
fn service(state: &AppState, request: &HttpRequest) -> String {
    client_ip::of_service(state.settings.public_url.as_deref(), request)
}

/// The origin of the page that uses the session's cookie.
pub(super) fn page_origin(state: &AppState, request: &HttpRequest) -> Result<PageOrigin, ApiError> {
    PageOrigin::of(request, &state.settings.cors_origins, &service(state, request))
}

/// The answer with an access token, and with the session's cookie for a page. Only administrators get the cookie, because only they
/// use the dashboard, and not with a one-time password. The browser of any other user deletes it.
pub(super) fn answer(
    state: &AppState,
    request: &HttpRequest,
    signed_in: account::SignedIn,
    page: Option<PageOrigin>,
) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::Ok();
    if let Some(page) = page {
        let service = service(state, request);
        let mut cookie = match (signed_in.principal.role, signed_in.principal.password_change_required) {
            (Role::Admin, false) => cookie::with(state.accounts.refresh_token(&signed_in)?, &service),
            _ => cookie::without(&service),
        };
        cookie.set_same_site(page.same_site());
        response.cookie(cookie);
    }
    Ok(response.json(SignedIn {
        access_token: signed_in.access_token,
        token_type: "Bearer",
        expires_in: signed_in.expires_in,
        password_change_required: signed_in.principal.password_change_required,
        user: signed_in.principal.into(),
    }))
}

/// Get the signed-in user
///
/// The user of the token, with the current values of the database. Every token may call it.
#[utoipa::path(
    operation_id = "getMe",
    tag = "auth",
    responses((status = 200, description = "The signed-in user.", body = Me), MeProblems)
)]
#[get("/auth/me")]
async fn me(
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<web::Json<Me>, ApiError> {
    let principal = guard::principal(&state, &request).await?;
    Ok(web::Json(principal.into()))
}
