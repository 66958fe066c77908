//! `/auth`: signing in, going on, signing out here and everywhere, and who is signed in.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::account::{self, Principal, RefusedUser};
use campus_backup_domain::entity::user::Role;
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
use crate::security_log::{record_refusal, record_sign_out};
use crate::{cookie, problem_responses};

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(login)
        .service(go_on)
        .service(sign_out)
        .service(sign_out_everywhere)
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
    /// administrators get it.
    #[serde(default)]
    stay_signed_in: bool,
}

impl RequestBody for Login {
    type Form = Self;
}

/// An access token and whose it is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.1",
    "token_type": "Bearer",
    "expires_in": 900,
    "user": {"id": 1, "username": "admin", "email": null, "role": "admin", "issuer": null},
}))]
struct SignedIn {
    /// Send it as `Authorization: Bearer`.
    access_token: String,
    /// Always `Bearer` (RFC 6750).
    token_type: &'static str,
    /// Seconds until the token ends.
    expires_in: u64,
    /// Who signed in.
    user: User,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "username": "admin", "email": "head@school.example", "role": "admin", "issuer": null,
}))]
struct User {
    /// Their number; `null` for somebody who signed in at an outside identity provider.
    #[schema(required = true)]
    id: Option<i64>,
    /// Their user name.
    username: String,
    /// Their e-mail address, if it is known.
    #[schema(required = true)]
    email: Option<String>,
    /// What they may do.
    #[schema(value_type = RoleName)]
    role: Role,
    /// The identity provider where they signed in; `null` for a user of this service. What such a person does is recorded as done
    /// by `NAME (via ISSUER)`, because the name may be that of somebody else here.
    #[schema(required = true)]
    issuer: Option<String>,
}

/// What a user may do. Only administrators may use `/backup`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "it only describes the domain's type to the API's document")]
enum RoleName {
    /// May do everything.
    Admin,
    /// May sign in.
    Accountant,
    /// May sign in.
    Teacher,
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

problem_responses!(
    LoginProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, WrongCredentials,
    Forbidden, TooManyLogins, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(SessionProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal);
problem_responses!(SignOutProblems: InvalidField, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal);
problem_responses!(
    EndSessionsProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(MeProblems: InvalidField, Unauthenticated, DatabaseBusy, DatabaseUnavailable, Internal);

/// Sign in
///
/// Exchanges a user name and password for an access token. Attempts are limited by account and by address; whoever is
/// refused for that reads in `Retry-After` when to come back.
#[utoipa::path(
    operation_id = "login",
    tag = "auth",
    security(()),
    request_body(content = Login, description = "Who signs in."),
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

/// Go on with a session
///
/// Gives a browser the next access token, for the cookie of `POST /auth/login` or of the last call, and replaces that. The
/// cookie ends when the access token of the same answer does, and the session `--session-lifetime` after the password was given;
/// it ends at once when somebody signs out of it, the password is changed, the account is deactivated or the data is restored.
///
/// A cookie that was replaced ends the session when it comes back: somebody else may have it. The one just before the current
/// one is still accepted for a minute, because two tabs may ask at once, and an answer may be lost.
///
/// A page of another origin may call it if `--cors-origins` lists the origin: with `credentials: "include"`, as the sign-in before it.
/// Any other page is refused (403).
#[utoipa::path(
    operation_id = "refreshSession",
    tag = "auth",
    security(("sessionCookie" = [])),
    responses(
        (
            status = 200,
            description = "Still signed in.",
            body = SignedIn,
            headers(("Set-Cookie" = String, description = "The session's next cookie.")),
        ),
        SessionProblems
    )
)]
#[post("/auth/session")]
async fn go_on(
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let page = page_origin(&state, &request)?;
    let token = cookie::of(&request, &service(&state, &request))
        .ok_or_else(|| ApiError::new(Code::Unauthenticated, "There is no session to go on with; sign in."))?;
    let signed_in = state.accounts.refresh(&token).await.inspect_err(|error| {
        if let Error::Unauthenticated(reason) = error {
            record_refusal(&request, "cookie_refused", &RefusedUser::default(), reason);
        }
    })?;
    answer(&state, &request, signed_in, Some(page))
}

/// Sign out
///
/// Ends the session of the cookie, and that of the bearer token if one is sent: their access tokens, refresh tokens and download
/// links are refused from now on. The browser forgets the cookie. Without a valid one there is nothing to end, which is no
/// mistake.
#[utoipa::path(
    operation_id = "endSession",
    tag = "auth",
    security((), ("sessionCookie" = []), ("bearerAuth" = [])),
    responses(
        (
            status = 204,
            description = "Signed out, or nobody was signed in.",
            headers(("Set-Cookie" = String, description = "An empty cookie that has ended.")),
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
    };
    for user_id in state.accounts.sign_out(tokens).await? {
        record_sign_out(&request, "sign_out", None, user_id);
    }
    Ok(signed_out(&state, &request, page))
}

/// Sign out everywhere
///
/// Ends all sessions of the account: every access token, refresh token and download link of it is refused from now on, also
/// tokens of the command line. A token of an outside identity provider has no session here (403).
#[utoipa::path(
    operation_id = "endSessions",
    tag = "auth",
    responses(
        (
            status = 204,
            description = "Signed out everywhere.",
            headers(("Set-Cookie" = String, description = "An empty cookie that has ended.")),
        ),
        EndSessionsProblems
    )
)]
#[delete("/auth/sessions")]
async fn sign_out_everywhere(
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let principal = guard::principal(&state, &request).await?;
    let user_id = principal.user_id.ok_or_else(|| {
        let detail = "You signed in at the identity provider, which alone can end its tokens.";
        ApiError::new(Code::Forbidden, detail)
    })?;
    let page = page_origin(&state, &request)?;
    state.accounts.end_account_sessions(user_id).await?;
    record_sign_out(&request, "sign_out_everywhere", Some(&principal.username), user_id);
    Ok(signed_out(&state, &request, page))
}

/// The answer that makes a browser forget its cookie, for a page from there.
fn signed_out(state: &AppState, request: &HttpRequest, page: PageOrigin) -> HttpResponse {
    let mut cookie = cookie::without(&service(state, request));
    cookie.set_same_site(page.same_site());
    HttpResponse::NoContent().cookie(cookie).finish()
}

/// Where browsers find the service.
fn service(state: &AppState, request: &HttpRequest) -> String {
    client_ip::of_service(state.settings.public_url.as_deref(), request)
}

/// From where the page is that wants to use the session's cookie.
fn page_origin(state: &AppState, request: &HttpRequest) -> Result<PageOrigin, ApiError> {
    PageOrigin::of(request, &state.settings.cors_origins, &service(state, request))
}

/// The answer for somebody who has signed in or gone on; with the cookie for a page from there, if they are to go on from here.
/// Only administrators do, because the dashboard is for nobody else: the browser of whoever is not, or no longer, one keeps no
/// cookie.
fn answer(
    state: &AppState,
    request: &HttpRequest,
    signed_in: account::SignedIn,
    page: Option<PageOrigin>,
) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::Ok();
    if let Some(page) = page {
        let service = service(state, request);
        let mut cookie = match signed_in.principal.role {
            Role::Admin => cookie::with(state.accounts.refresh_token(&signed_in)?, &service),
            Role::Accountant | Role::Teacher => cookie::without(&service),
        };
        cookie.set_same_site(page.same_site());
        response.cookie(cookie);
    }
    Ok(response.json(SignedIn {
        access_token: signed_in.access_token,
        token_type: "Bearer",
        expires_in: signed_in.expires_in,
        user: signed_in.principal.into(),
    }))
}

/// Who am I
///
/// The user whom the token belongs to, as the database knows them now.
#[utoipa::path(
    operation_id = "getMe",
    tag = "auth",
    responses((status = 200, description = "The signed-in user.", body = User), MeProblems)
)]
#[get("/auth/me")]
async fn me(
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<web::Json<User>, ApiError> {
    let principal = guard::principal(&state, &request).await?;
    Ok(web::Json(principal.into()))
}
