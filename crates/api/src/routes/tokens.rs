//! `/auth/tokens`: named tokens for scripts, of the signed-in administrator.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::account::{NewToken, TokenDetails, TokenScope};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::security_log::About;

/// The largest limit of a page.
const MAX_LIMIT: u64 = 100;

/// Registers the routes, in the scope `/auth/tokens`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_token).service(list_tokens).service(revoke_token);
}

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "nightly backup", "scopes": ["read", "backup"], "expires_at": "2027-11-23T00:00:00Z"}))]
struct CreateTokenRequest {
    /// A name that no other token of the account has.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// Its scopes. Apart from `admin`, no scope includes another one.
    #[schema(min_items = 1)]
    scopes: Vec<TokenScope>,
    /// When it ends, ten years from now at most. By default, it does not end by itself.
    expires_at: Option<DateTime<Utc>>,
}

impl RequestBody for CreateTokenRequest {
    type Form = Self;
}

/// The query of a list of tokens.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TokensQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// The number of items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

problem_responses!(
    CreateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, TokenNameTaken, TooManyTokens, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    RevokeProblems: InvalidField, Unauthenticated, Forbidden, UnknownToken, DatabaseBusy, DatabaseUnavailable,
    InsufficientStorage, Internal
);

/// Create a named token
///
/// A token for a script, with the rights of your account, restricted by its scopes. This answer has the token, and no other has it:
/// the service stores only a digest. A repeated request is refused, because the name is taken: if the answer was lost, revoke the
/// token and create it again.
///
/// A token ends at `expires_at`, when you revoke it or sign out everywhere, and when another administrator disables or deletes your
/// account, changes its role or resets its password. It does not end with a session, a changed password or a restore. A user of an
/// external identity provider has no tokens here (403).
#[utoipa::path(
    operation_id = "createToken",
    tag = "tokens",
    request_body(content = CreateTokenRequest, description = "The token."),
    responses((status = 201, description = "The token.", body = TokenDetails), CreateProblems)
)]
#[post("")]
async fn create_token(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Body<CreateTokenRequest>,
) -> Result<HttpResponse, ApiError> {
    let CreateTokenRequest {
        name,
        scopes,
        expires_at,
    } = body.0;
    let new = NewToken {
        name,
        scopes,
        expires_at,
    };
    let created = state.accounts.create_token(&granted.0, new).await?;
    About::created(created.id).keep(&request);
    Ok(HttpResponse::Created().json(created))
}

/// List named tokens
///
/// The tokens of your account by name, also those that have expired, each with its last use.
#[utoipa::path(
    operation_id = "listTokens",
    tag = "tokens",
    params(
        TokensQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The tokens.",
            body = inline(Page<TokenDetails>),
            headers(
                ("X-Total-Count" = u64, description = "The number of items of the whole list."),
                ("Link" = String, description = "Other pages (RFC 8288): `first`, `prev`, `next`, `last`."),
                ("ETag" = String, description = "Changes with the list."),
            ),
        ),
        (status = 304, description = "The client's copy is current."),
        ListProblems
    )
)]
#[get("")]
async fn list_tokens(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<TokensQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let TokensQuery { limit, offset } = query.0;
    let (limit, offset) = window(limit, offset, MAX_LIMIT)?;
    let found = state.accounts.list_tokens(&granted.0, limit, offset).await?;
    let window = Window::new(limit, offset, found.total);
    pagination::page(&state, &request, window, found.items)
}

/// Revoke a named token
///
/// Its next request is refused, and so are its unused download links. Its running requests and jobs continue.
#[utoipa::path(
    operation_id = "revokeToken",
    tag = "tokens",
    params(("id" = i64, Path, description = "The token's id.")),
    responses((status = 204, description = "The token was revoked."), RevokeProblems)
)]
#[delete("/{id}")]
async fn revoke_token(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id.parse().map_err(|_| Error::UnknownToken)?;
    state.accounts.revoke_token(&granted.0, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
