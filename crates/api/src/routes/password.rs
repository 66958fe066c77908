//! `/auth/password`: the signed-in user changes their own password.

use actix_web::{HttpRequest, HttpResponse, post, web};
use campus_backup_domain::Error;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::{SignedIn, answer, page_origin};
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::middleware::guard::Identified;
use crate::problem::ApiError;
use crate::security_log::record_password_change;
use crate::{AppState, client_ip, problem_responses};

/// Registers the route, in the scope `/auth/password`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(change_password);
}

/// The current password and the new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "current_password": "4z973gfxdc7fapmh42wx", "new_password": "correct horse battery staple",
}))]
struct ChangePasswordRequest {
    /// The current password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The new password. It must not be easy to guess.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 1024)]
    new_password: SecretString,
    /// Whether to set the session's cookie, as `POST /auth/login` does.
    #[serde(default)]
    stay_signed_in: bool,
}

impl RequestBody for ChangePasswordRequest {
    type Form = Self;
}

problem_responses!(
    ChangeProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, PasswordExpired, TooManyLogins, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);

/// Change one's own password
///
/// All sessions of the account end, with their access tokens and download links, and the answer is a new session. Named tokens stay.
/// It is the only operation, apart from `GET /auth/me`, that is allowed after a sign-in with a one-time password. Attempts are limited
/// as those to sign in are. After a day, a one-time password can't be changed any more (403 `password_expired`). A user of an
/// external identity provider has no password here (403).
#[utoipa::path(
    operation_id = "changePassword",
    tag = "auth",
    request_body(content = ChangePasswordRequest, description = "The passwords."),
    responses(
        (
            status = 200,
            description = "The password was changed. The answer is a new session.",
            body = SignedIn,
            headers(("Set-Cookie" = Option<String>, description = "With `stay_signed_in`: the session's cookie.")),
        ),
        ChangeProblems
    )
)]
#[post("")]
async fn change_password(
    identified: Identified,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Body<ChangePasswordRequest>,
) -> Result<HttpResponse, ApiError> {
    let principal = identified.0;
    let address = client_ip::client_address(&request);
    let ChangePasswordRequest {
        current_password,
        new_password,
        stay_signed_in,
    } = body.0;
    let page = match stay_signed_in {
        true => Some(page_origin(&state, &request)?),
        false => None,
    };
    let changed = state
        .accounts
        .change_password(&principal, &current_password, &new_password, address)
        .await
        .inspect_err(|error| match error {
            Error::Invalid {
                field: "current_password",
                ..
            } => record_password_change(&request, &principal, Some("wrong_password")),
            Error::TooManyLogins { .. } => record_password_change(&request, &principal, Some("too_many_attempts")),
            _ => {}
        })?;
    record_password_change(&request, &principal, None);
    answer(&state, &request, changed, page)
}
