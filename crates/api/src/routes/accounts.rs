//! `/accounts`: accounts of users, for administrators.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::account::{AccountCredentials, AccountDetails, AccountFilter, AccountPatch, NewAccount};
use campus_backup_domain::entity::user::Role;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::{IntoParams, PartialSchema as _, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::archives::sent;
use crate::security_log::About;

/// The largest limit of a page.
const MAX_LIMIT: u64 = 100;

/// Registers the routes, in the scope `/accounts`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_account)
        .service(list_accounts)
        .service(reset_account)
        .service(get_account)
        .service(update_account)
        .service(delete_account);
}

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"username": "head.office", "email": "head@school.example", "role": "admin"}))]
struct CreateAccountRequest {
    /// A user name that no other account has. It has no invisible characters, and no space at either end.
    #[schema(min_length = 1, max_length = 255)]
    username: String,
    /// The email address.
    #[schema(max_length = 255)]
    email: Option<String>,
    /// The role.
    role: Role,
    /// The password. It must not be easy to guess. By default, the service generates a one-time password.
    #[schema(value_type = Option<String>, format = Password, required = false, min_length = 12, max_length = 1024)]
    password: Option<SecretString>,
}

impl RequestBody for CreateAccountRequest {
    type Form = Self;
}

/// New values of an account. A missing field stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"is_active": false}))]
struct UpdateAccountRequest {
    /// The email address; `null` for none.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, max_length = 255)]
    email: Option<Option<String>>,
    /// The role.
    role: Option<Role>,
    /// Whether its user can sign in.
    is_active: Option<bool>,
}

impl RequestBody for UpdateAccountRequest {
    type Form = Self;
}

/// The query of a list of accounts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccountsQuery {
    /// Only accounts with this role.
    #[param(required = false, schema_with = Role::schema)]
    role: Option<Role>,
    /// Only active accounts, or only the others.
    is_active: Option<bool>,
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// The number of items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

problem_responses!(
    CreateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UsernameTaken, TooManyLogins, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    ShowProblems: InvalidField, Unauthenticated, Forbidden, UnknownAccount, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    UpdateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownAccount, LastAdministrator, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    DeleteProblems: InvalidField, Unauthenticated, Forbidden, UnknownAccount, LastAdministrator, AccountInUse,
    DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    ResetProblems: InvalidField, Unauthenticated, Forbidden, UnknownAccount, LastAdministrator, TooManyLogins, DatabaseBusy,
    DatabaseUnavailable, InsufficientStorage, Internal
);

/// The id in the path.
fn id_of(path: &str) -> Result<i64, ApiError> {
    path.parse().map_err(|_| Error::UnknownAccount.into())
}

/// Create an account
///
/// Without a password, the answer has a one-time password, which no other answer has. The user must change it at the first sign-in,
/// within a day. A repeated request is refused, because the user name is taken: if the answer was lost, reset the account.
#[utoipa::path(
    operation_id = "createAccount",
    tag = "accounts",
    request_body(content = CreateAccountRequest, description = "The account."),
    responses(
        (
            status = 201,
            description = "The account, with its one-time password.",
            body = AccountCredentials,
            headers(("Location" = String, description = "The address of the account.")),
        ),
        CreateProblems
    )
)]
#[post("")]
async fn create_account(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Body<CreateAccountRequest>,
) -> Result<HttpResponse, ApiError> {
    let CreateAccountRequest {
        username,
        email,
        role,
        password,
    } = body.0;
    let new = NewAccount {
        username,
        email,
        role,
        password,
    };
    let created = state.accounts.create_account(&granted.0, new).await?;
    About::created(created.account.id).keep(&request);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/accounts/{}", created.account.id)))
        .json(created))
}

/// List accounts
///
/// By user name, with the end of one-time passwords and the numbers of named tokens.
#[utoipa::path(
    operation_id = "listAccounts",
    tag = "accounts",
    params(
        AccountsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The accounts.",
            body = inline(Page<AccountDetails>),
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
async fn list_accounts(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<AccountsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let AccountsQuery {
        role,
        is_active,
        limit,
        offset,
    } = query.0;
    let (limit, offset) = window(limit, offset, MAX_LIMIT)?;
    let filter = AccountFilter { role, is_active };
    let found = state.accounts.list_accounts(&granted.0, filter, limit, offset).await?;
    let window = Window::new(limit, offset, found.total);
    pagination::page(&state, &request, window, found.items)
}

/// Get an account
///
/// Its role, and whether its user can sign in.
#[utoipa::path(
    operation_id = "getAccount",
    tag = "accounts",
    params(("id" = i64, Path, description = "The account's id.")),
    responses((status = 200, description = "The account.", body = AccountDetails), ShowProblems)
)]
#[get("/{id}")]
async fn get_account(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<AccountDetails>, ApiError> {
    let account = state.accounts.get_account(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(account))
}

/// Update an account
///
/// If the account is disabled or gets another role, all its sessions, tokens and download links end at once. One active administrator
/// who can sign in always stays: a change that would take the last one's rights is refused.
#[utoipa::path(
    operation_id = "updateAccount",
    tag = "accounts",
    params(("id" = i64, Path, description = "The account's id.")),
    request_body(content = UpdateAccountRequest, description = "The new values."),
    responses((status = 200, description = "The account with the new values.", body = AccountDetails), UpdateProblems)
)]
#[patch("/{id}")]
async fn update_account(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<UpdateAccountRequest>,
) -> Result<web::Json<AccountDetails>, ApiError> {
    let UpdateAccountRequest { email, role, is_active } = body.0;
    let patch = AccountPatch { email, role, is_active };
    let account = state.accounts.update_account(&granted.0, id_of(&id)?, patch).await?;
    Ok(web::Json(account))
}

/// Delete an account
///
/// Ends all its sessions, tokens and download links at once. What its user has done stays in the change log. An account that records
/// of another program refer to can't be deleted; disable it. The last administrator who can sign in can't be deleted either.
#[utoipa::path(
    operation_id = "deleteAccount",
    tag = "accounts",
    params(("id" = i64, Path, description = "The account's id.")),
    responses((status = 204, description = "The account was deleted."), DeleteProblems)
)]
#[delete("/{id}")]
async fn delete_account(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.accounts.delete_account(&granted.0, id_of(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Reset the password of an account
///
/// Replaces the password by a one-time password, which is in this answer only. The user must change it at the next sign-in, within a
/// day. All sessions, tokens and download links of the account end at once. An inactive account stays inactive. The last
/// administrator whose password does not expire can't be reset, because a lost answer would leave no administrator who can sign in.
#[utoipa::path(
    operation_id = "resetAccount",
    tag = "accounts",
    params(("id" = i64, Path, description = "The account's id.")),
    responses(
        (status = 200, description = "The account, with its one-time password.", body = AccountCredentials),
        ResetProblems
    )
)]
#[post("/{id}/reset")]
async fn reset_account(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<AccountCredentials>, ApiError> {
    let reset = state.accounts.reset_account(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(reset))
}
