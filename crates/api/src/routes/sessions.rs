//! `/auth/sessions`: the signed-in user signs out everywhere.

use actix_web::{HttpRequest, HttpResponse, delete, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::{page_origin, signed_out};
use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::client_ip;
use crate::middleware::guard::Identified;
use crate::problem::{ApiError, Code};
use crate::problem_responses;
use crate::security_log::record_sign_out;

/// Registers the route, in the scope `/auth/sessions`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(sign_out_everywhere);
}

problem_responses!(
    EndSessionsProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);

/// Sign out everywhere
///
/// Ends all sessions of the account. Its access tokens, refresh tokens and download links are refused afterwards, including tokens of
/// the command line. Its named tokens are revoked. A token of an external identity provider has no session here (403).
#[utoipa::path(
    operation_id = "endSessions",
    tag = "auth",
    responses(
        (
            status = 204,
            description = "Signed out everywhere.",
            headers(("Set-Cookie" = String, description = "An empty, expired cookie.")),
        ),
        EndSessionsProblems
    )
)]
#[delete("")]
async fn sign_out_everywhere(
    identified: Identified,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let principal = identified.0;
    let user_id = principal.user_id.ok_or_else(|| {
        let detail = "You signed in at an external identity provider. Only that provider can end its tokens.";
        ApiError::new(Code::Forbidden, detail)
    })?;
    let page = page_origin(&state, &request)?;
    let client = client_ip::client_address(&request);
    state.accounts.sign_out_everywhere(&principal, Some(client)).await?;
    record_sign_out(&request, "sign_out_everywhere", Some(&principal.username), user_id);
    Ok(signed_out(&state, &request, page))
}
