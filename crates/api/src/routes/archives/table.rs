//! `/backup/archives/{id}/download/{table}`: a table of an archive.

use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_domain::Table;

use crate::AppState;
use crate::body::Query;
use crate::identity::{IdentityHeader, IdentityOfHeader};
use crate::link;
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::download::{DownloadQuery, X_TOTAL_ROWS, abandoned, send, sent, transfer};

problem_responses!(
    TableProblems: Unauthenticated, LinkInvalid, Forbidden, UnknownTable, UnknownArchive, LinkUsed, ArchiveGone,
    InvalidField, ArchiveTruncated, ArchiveCorrupt, ArchiveWrongKey, ArchiveKeyRequired, ArchiveOrphan, Unexportable, RangeNotSatisfiable, ArchiveIncomplete,
    ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage,
    Internal
);

/// Download a table of an archive
///
/// As CSV or JSON, equal byte for byte to the live download at the archive's moment. If a part of the archive is damaged, the
/// transfer breaks off, so that a client never takes a short file for a complete one. `users` as JSON has the password hashes: a
/// named token needs the scope `backup`, too.
#[utoipa::path(
    operation_id = "downloadArchivedTable",
    tag = "archives",
    params(
        ("id" = String, Path, description = "The archive's id."),
        ("table" = String, Path, description = "The table.", example = "students"),
        DownloadQuery,
        IdentityHeader,
    ),
    responses(
        (
            status = 200,
            description = "The file.",
            content(
                (String = "text/csv", example = "\u{feff}ID,Student ID,Course ID,Date,Status\r\n1,1,4,02-09-2024,present\r\n"),
                (serde_json::Value = "application/json"),
            ),
            headers(
                ("Content-Disposition" = String, description = "`attachment` with the file's name (RFC 6266)."),
                ("X-Total-Rows" = u64, description = "The number of rows of the file."),
                ("Content-Length" = Option<u64>, description = "The number of bytes. Downloads over 4 MiB may have none if they don't pass a proxy."),
                ("Repr-Digest" = Option<String>, description = "SHA-256 of these bytes (RFC 9530), together with the length."),
                ("Content-Digest" = Option<String>, description = "The same digest, of this answer's content."),
            ),
        ),
        TableProblems
    )
)]
#[get("/archives/{id}/download/{table}")]
pub(super) async fn download_archived_table(
    granted: Granted,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
    query: Query<DownloadQuery>,
    identity: IdentityOfHeader,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let link_use = link::claimed(&request, query.0.link.as_deref(), query.0.begin)?;
    let (id, table) = path.into_inner();
    let table =
        Table::from_name(&table).ok_or_else(|| ApiError::unknown_table_in_path(&Table::ALL.map(Table::name)))?;
    let wanted = query.0.of_archive(table, transfer(&request))?;
    let operations = identity.operations(&state);
    let begun = operations.table(&granted.0, &id, wanted, &state.downloads, abandoned(&request));
    let download = begun.await?;
    let mut answer = sent(download.media_type, download.file_name, download.coding);
    answer.insert_header((X_TOTAL_ROWS, download.total_rows));
    Ok(send(answer, download.body, link_use))
}
