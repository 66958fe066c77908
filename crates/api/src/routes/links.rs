//! `/backup/download-links`: links for one download by a browser.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use campus_backup_domain::account::{Admin, LinkStatus, TokenScope};
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::export::Transfer;
use campus_backup_domain::{Error, Table};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::archives::{CertificateQuery, FileQuery};
use super::diff::DiffQuery;
use super::download::DownloadQuery;
use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody, fields};
use crate::client_ip;
use crate::link::{self, ARCHIVES, DOWNLOADS, Target};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::security_log::About;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_link).service(get_link);
}

/// The download that a link is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"path": "/backup/download/students?format=xlsx"}))]
struct LinkRequest {
    /// Path and query of one download, such as `/backup/download/students?format=xlsx`; also of an archive's file,
    /// table or certificate, or of a comparison as CSV.
    #[schema(
        max_length = 4096,
        pattern = r"^/backup/(download/[a-z_]+|archives/[^/?#]+/(file|certificate|download/[a-z_]+)|diff)(\?[^#]*)?$"
    )]
    path: String,
}

impl RequestBody for LinkRequest {
    type Form = Self;
}

/// A link for one download.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 17,
    "url": "https://school.example/backup/download/students?format=xlsx&link=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "expires_at": "2026-11-23T09:35:00Z",
}))]
struct LinkAnswer {
    /// The id, for the state of the download. It gives no access.
    id: i64,
    /// The address. It allows one download without a password: treat it as a password.
    url: String,
    /// The time of expiry, UTC.
    expires_at: DateTime<Utc>,
}

problem_responses!(
    LinkStatusProblems: InvalidField, Unauthenticated, Forbidden, UnknownLink, DatabaseBusy, DatabaseUnavailable, Internal
);

problem_responses!(
    LinkProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, ArchiveWrongKey, ArchiveKeyRequired, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);

/// Create a download link
///
/// A browser can't send a token when it follows a link. This link needs none: for five minutes it allows one download,
/// with the rights of the administrator that created it.
///
/// A preview does not use the link: HEAD, a prefetch, or a browser (`Accept: text/html`), which gets a page with a
/// button. Your own page adds `begin=true` to start at once. A download uses the link when its first byte is sent,
/// even if the client breaks it off. If the service fails to deliver it, the link stays valid.
///
/// A stored archive (`/file`) can be downloaded in several ranges with one link, also to resume a broken download. The
/// link ends when as many bytes as the file has were sent. All ranges of one link together, with those that were
/// broken off, may have at most twice the size of the file. A range of any other download is refused (416), because
/// that file is generated while it is sent.
///
/// For a download with the hashes of the passwords, a named token needs the scope `backup`, too.
///
/// A link can't carry a secret key. If the service has no key that opens the archive, there is no link to a table of it or to a
/// comparison with it. Such a download needs the header `X-Archive-Identity`. A link to the file itself needs no key.
#[utoipa::path(
    operation_id = "createDownloadLink",
    tag = "backup",
    request_body(content = LinkRequest, description = "The download."),
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
    for id in check(&path, &granted.0)? {
        ensure_opens(&state, &id).await?;
    }
    let made = state.accounts.create_link(&granted.0, &path).await?;
    let base = client_ip::of_service(state.settings.public_url.as_deref(), &request);
    let url = format!("{base}{}", link::path_with_token(&path, &made.token));
    Ok(HttpResponse::Created().json(LinkAnswer {
        id: made.id,
        url,
        expires_at: made.expires_at,
    }))
}

/// Get a download link
///
/// The state of the link's download, for the user that created the link. A page can't learn it from the browser. A link's record
/// is kept for an hour after its end, and for a day while its download runs.
#[utoipa::path(
    operation_id = "getDownloadLink",
    tag = "backup",
    params(("id" = i64, Path, description = "The link's id.")),
    responses((status = 200, description = "The state of the download.", body = LinkStatus), LinkStatusProblems)
)]
#[get("/download-links/{id}")]
async fn get_link(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<LinkStatus>, ApiError> {
    let id = id.parse().map_err(|_| campus_backup_domain::Error::UnknownLink)?;
    Ok(web::Json(state.accounts.link_status(&granted.0, id).await?))
}

/// Ensures that the service has a key for an archive. If the archive does not exist, the download says so.
async fn ensure_opens(state: &AppState, id: &str) -> Result<(), ApiError> {
    match state.operations.ensure_opens(id).await {
        Err(Error::Archive(fault)) => Err(ApiError::from(Error::Archive(fault)).with_hint(
            "A link can't carry a secret key. Send the request of the download itself, with the header X-Archive-Identity.",
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Ensures that the path is one of a download that can start now, and that a named token may start it. Returns the archives that
/// the download has to open.
fn check(path: &str, admin: &Admin) -> Result<Vec<String>, ApiError> {
    let (name, query) = path.split_once('?').unwrap_or((path, ""));
    let refused = |error: ApiError| {
        let problem = format!("has a query that can't be accepted: {}", error.problem().detail);
        ApiError::invalid("path", problem)
    };
    let elsewhere = || {
        let problem = format!("must be the path of a download, such as {DOWNLOADS}students");
        ApiError::invalid("path", problem)
    };
    let mut archives = Vec::new();
    let has_link = match link::target(name).ok_or_else(elsewhere)? {
        Target::Download(scope) => {
            let scope = TableScope::from_name(scope).ok_or_else(elsewhere)?;
            let query: DownloadQuery = fields::from_query(query).map_err(refused)?;
            let request = query.request(scope, Transfer::default()).map_err(refused)?;
            request.check().map_err(|error| refused(error.into()))?;
            request.ensure_scope(admin)?;
            query.link.is_some() || query.begin.is_some()
        }
        Target::Table(table) => {
            let table = Table::from_name(table).ok_or_else(elsewhere)?;
            let query: DownloadQuery = fields::from_query(query).map_err(refused)?;
            let request = query.of_archive(table, Transfer::default()).map_err(refused)?;
            request.ensure_scope(admin)?;
            let id = name.strip_prefix(ARCHIVES).and_then(|rest| rest.split('/').next());
            archives.extend(id.map(str::to_owned));
            query.link.is_some() || query.begin.is_some()
        }
        Target::File => {
            let query: FileQuery = fields::from_query(query).map_err(refused)?;
            admin.ensure_scope(TokenScope::Backup)?;
            query.link.is_some() || query.begin.is_some()
        }
        Target::Certificate => {
            let query: CertificateQuery = fields::from_query(query).map_err(refused)?;
            query.link.is_some() || query.begin.is_some()
        }
        Target::Diff => {
            let query: DiffQuery = fields::from_query(query).map_err(refused)?;
            query.ensure_csv().map_err(refused)?;
            archives.extend(query.archives().map(str::to_owned));
            query.link.is_some() || query.begin.is_some()
        }
    };
    if has_link || path.contains('#') {
        return Err(ApiError::invalid(
            "path",
            "must have neither a link's token nor a fragment",
        ));
    }
    Ok(archives)
}
