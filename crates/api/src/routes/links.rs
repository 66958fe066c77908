//! `/backup/download-links`: links with which a browser downloads once.

use actix_web::{HttpRequest, HttpResponse, post, web};
use campus_backup_domain::catalog::Scope;
use campus_backup_domain::export::Coding;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::download::DownloadQuery;
use crate::AppState;
use crate::address;
use crate::body::{Body, RequestBody, fields};
use crate::link::{self, DOWNLOADS};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_link);
}

/// What a link is to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"path": "/backup/download/students?format=xlsx"}))]
struct LinkRequest {
    /// Path and query of one download, such as `/backup/download/students?format=xlsx`.
    path: String,
}

impl RequestBody for LinkRequest {
    type Form = Self;
}

/// A link that opens one download once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "url": "https://school.example/backup/download/students?format=xlsx&link=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "expires_at": "2026-11-23T09:35:00Z",
}))]
struct LinkAnswer {
    /// Where it leads. Whoever has it can download once: treat it as a password.
    url: String,
    /// When it ends, UTC.
    expires_at: DateTime<Utc>,
}

problem_responses!(
    LinkProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, DatabaseBusy, DatabaseUnavailable, NoRoom, Internal
);

/// Make a download link
///
/// A browser can't send a token when it follows a link. This makes a link that needs none: it opens one download,
/// once, for five minutes, as the administrator who made it. Only a download that the service fails to deliver gives the
/// link back.
#[utoipa::path(
    operation_id = "createDownloadLink",
    tag = "backup",
    request_body(content = LinkRequest, description = "Which download."),
    responses((status = 201, description = "The link.", body = LinkAnswer), LinkProblems)
)]
#[post("/download-links")]
async fn create_link(
    granted: Granted,
    state: web::Data<AppState>,
    body: Body<LinkRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let path = body.0.path;
    check(&path)?;
    let made = state.accounts.create_link(&granted.0, &path).await?;
    let base = match &state.settings.public_url {
        Some(url) => url.clone(),
        None => address::origin(&request),
    };
    let url = format!("{base}{}", link::path_with_token(&path, &made.token));
    Ok(HttpResponse::Created().json(LinkAnswer {
        url,
        expires_at: made.expires_at,
    }))
}

/// Whether the path is that of a download which could begin now.
fn check(path: &str) -> Result<(), ApiError> {
    let (name, query) = match path.split_once('?') {
        Some((name, query)) => (name, query),
        None => (path, ""),
    };
    let Some(scope) = name.strip_prefix(DOWNLOADS).and_then(Scope::from_name) else {
        let problem = format!("must be the path of a download, such as {DOWNLOADS}students");
        return Err(ApiError::invalid("path", problem));
    };
    let query: DownloadQuery = fields::from_query(query).map_err(|error| {
        ApiError::invalid(
            "path",
            format!("has a query that can't be accepted: {}", error.problem().detail),
        )
    })?;
    if let Err(error) = query.request(scope, Coding::Identity).check() {
        let problem = format!("has a query that can't be accepted: {error}");
        return Err(ApiError::invalid("path", problem));
    }
    if query.link.is_some() || path.contains('#') {
        return Err(ApiError::invalid(
            "path",
            "must have neither a link's token nor a fragment",
        ));
    }
    Ok(())
}
