//! `/auth`: signing in, and who is signed in.

use actix_web::{HttpRequest, get, post, web};
use campus_backup_domain::account::Principal;
use campus_backup_domain::entity::user::Role;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::address;
use crate::body::{Body, RequestBody};
use crate::middleware::guard;
use crate::problem::ApiError;
use crate::problem_responses;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(login).service(me);
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
    "user": {"id": 1, "username": "admin", "email": null, "role": "admin"},
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
#[schema(example = json!({"id": 1, "username": "admin", "email": "head@school.example", "role": "admin"}))]
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
        }
    }
}

problem_responses!(
    LoginProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, WrongCredentials,
    TooManyLogins, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(MeProblems: Unauthenticated, DatabaseBusy, DatabaseUnavailable, Internal);

/// Sign in
///
/// Exchanges a user name and password for an access token. Attempts are limited by account and by address; whoever is
/// refused for that reads in `Retry-After` when to come back.
#[utoipa::path(
    operation_id = "login",
    tag = "auth",
    security(()),
    request_body(content = Login, description = "Who signs in."),
    responses((status = 200, description = "Signed in.", body = SignedIn), LoginProblems)
)]
#[post("/auth/login")]
async fn login(
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Body<Login>,
) -> Result<web::Json<SignedIn>, ApiError> {
    let address = address::client_address(&request);
    let signed_in = state
        .accounts
        .login(&body.0.username, &body.0.password, address)
        .await?;
    Ok(web::Json(SignedIn {
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
async fn me(state: web::Data<AppState>, request: HttpRequest) -> Result<web::Json<User>, ApiError> {
    let principal = guard::principal(&state, &request).await?;
    Ok(web::Json(principal.into()))
}
