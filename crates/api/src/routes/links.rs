//! `/backup/download-links`: links with which a browser downloads once.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use campus_backup_domain::Table;
use campus_backup_domain::account::{LinkState, LinkStatus};
use campus_backup_domain::catalog::Scope;
use campus_backup_domain::export::Transfer;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::Schema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::archives::FileQuery;
use super::diff::DiffQuery;
use super::download::DownloadQuery;
use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody, fields};
use crate::client_ip;
use crate::link::{self, DOWNLOADS, Target};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::schema::words;
use crate::security_log::About;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_link).service(get_link);
}

/// What a link is to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"path": "/backup/download/students?format=xlsx"}))]
struct LinkRequest {
    /// Path and query of one download, such as `/backup/download/students?format=xlsx`; also of an archive's file or
    /// table, and of a comparison as CSV.
    #[schema(
        max_length = 4096,
        pattern = r"^/backup/(download/[a-z_]+|archives/[^/?#]+/(file|download/[a-z_]+)|diff)(\?[^#]*)?$"
    )]
    path: String,
}

impl RequestBody for LinkRequest {
    type Form = Self;
}

/// A link that opens one download once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 17,
    "url": "https://school.example/backup/download/students?format=xlsx&link=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "expires_at": "2026-11-23T09:35:00Z",
}))]
struct LinkAnswer {
    /// With which you can ask how its download fares. It opens nothing.
    id: i64,
    /// Where it leads. Whoever has it can download once: treat it as a password.
    url: String,
    /// When it ends, UTC.
    expires_at: DateTime<Utc>,
}

/// How the download of a link fares.
#[derive(Serialize, ToSchema)]
#[schema(as = DownloadLinkStatus, example = json!({"id": 17, "state": "in_progress", "expires_at": "2026-11-23T09:35:00Z"}))]
struct LinkStatusAnswer {
    /// Its id.
    id: i64,
    /// How its download fares.
    #[schema(schema_with = states)]
    state: LinkState,
    /// When it ends, UTC. A download that has begun goes on.
    expires_at: DateTime<Utc>,
}

fn states() -> Schema {
    words(
        &LinkState::ALL,
        "How its download fares. `unused`: it has not begun. `in_progress`: it has begun; it stays so if the service is killed \
         meanwhile. `delivered`: the service has sent all of it, which says nothing about whether it was saved. `broken_off`: it \
         ended before that; if the service failed to deliver, the link is still good. `expired`: the time of the link is over, and \
         nobody has used it.",
    )
}

problem_responses!(
    LinkStatusProblems: InvalidField, Unauthenticated, Forbidden, UnknownLink, DatabaseBusy, DatabaseUnavailable, Internal
);

problem_responses!(
    LinkProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);

/// Make a download link
///
/// A browser can't send a token when it follows a link. This makes a link that needs none: it opens one download,
/// once, for five minutes, as the administrator who made it.
///
/// Looking at it spends nothing: HEAD, a prefetch, and a browser (`Accept: text/html`), which is shown a page with a button; a page
/// of your own adds `begin=true` to begin at once. A download spends the link once its first byte has gone out, also if its reader
/// breaks it off; only a download that the service fails to deliver gives the link back. Of a stored archive (`/file`) ranges can
/// be asked for with one link, also to go on after a break, until together as many bytes as it has were sent; a range of any other
/// download is refused (416), since it is made while it is sent.
#[utoipa::path(
    operation_id = "createDownloadLink",
    tag = "backup",
    request_body(content = LinkRequest, description = "Which download."),
    responses((status = 201, description = "The link.", body = LinkAnswer), LinkProblems)
)]
#[post("/download-links")]
async fn create_link(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    body: Body<LinkRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let path = body.0.path;
    if let Some(target) = link::target(path.split('?').next().unwrap_or_default()) {
        About::target(target).keep(&request);
    }
    check(&path)?;
    let made = state.accounts.create_link(&granted.0, &path).await?;
    let base = client_ip::of_service(state.settings.public_url.as_deref(), &request);
    let url = format!("{base}{}", link::path_with_token(&path, &made.token));
    Ok(HttpResponse::Created().json(LinkAnswer {
        id: made.id,
        url,
        expires_at: made.expires_at,
    }))
}

/// Look at a download link
///
/// Whether its download has begun and how it has ended, for whoever made the link; a browser does not tell a page that. Links are
/// remembered for an hour after they end, and for a day while their download runs.
#[utoipa::path(
    operation_id = "getDownloadLink",
    tag = "backup",
    params(("id" = i64, Path, description = "The link's id.")),
    responses((status = 200, description = "How it fares.", body = LinkStatusAnswer), LinkStatusProblems)
)]
#[get("/download-links/{id}")]
async fn get_link(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<LinkStatusAnswer>, ApiError> {
    let id = id.parse().map_err(|_| campus_backup_domain::Error::UnknownLink)?;
    let LinkStatus { id, state, expires_at } = state.accounts.link_status(&granted.0, id).await?;
    Ok(web::Json(LinkStatusAnswer { id, state, expires_at }))
}

/// Whether the path is that of a download which could begin now.
fn check(path: &str) -> Result<(), ApiError> {
    let (name, query) = path.split_once('?').unwrap_or((path, ""));
    let refused = |error: ApiError| {
        let problem = format!("has a query that can't be accepted: {}", error.problem().detail);
        ApiError::invalid("path", problem)
    };
    let elsewhere = || {
        let problem = format!("must be the path of a download, such as {DOWNLOADS}students");
        ApiError::invalid("path", problem)
    };
    let has_link = match link::target(name).ok_or_else(elsewhere)? {
        Target::Download(scope) => {
            let scope = Scope::from_name(scope).ok_or_else(elsewhere)?;
            let query: DownloadQuery = fields::from_query(query).map_err(refused)?;
            let request = query.request(scope, Transfer::default()).map_err(refused)?;
            request.check().map_err(|error| refused(error.into()))?;
            query.link.is_some() || query.begin.is_some()
        }
        Target::Table(table) => {
            let table = Table::from_name(table).ok_or_else(elsewhere)?;
            let query: DownloadQuery = fields::from_query(query).map_err(refused)?;
            query.of_archive(table, Transfer::default()).map_err(refused)?;
            query.link.is_some() || query.begin.is_some()
        }
        Target::File => {
            let query: FileQuery = fields::from_query(query).map_err(refused)?;
            query.link.is_some() || query.begin.is_some()
        }
        Target::Diff => {
            let query: DiffQuery = fields::from_query(query).map_err(refused)?;
            query.demand_csv().map_err(refused)?;
            query.link.is_some() || query.begin.is_some()
        }
    };
    if has_link || path.contains('#') {
        return Err(ApiError::invalid(
            "path",
            "must have neither a link's token nor a fragment",
        ));
    }
    Ok(())
}
