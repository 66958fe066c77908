//! `/backup/archives/upload`: uploads an archive.

use std::time::Duration;

use actix_web::http::header::{CONTENT_LENGTH, LOCATION};
use actix_web::{HttpRequest, HttpResponse, post, web};
use campus_backup_domain::job::{BackupReport, Job};
use campus_backup_domain::operations::{Annotations, Upload};
use campus_backup_domain::plural::counted;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ArchiveAnswer;
use crate::AppState;
use crate::body::{Query, is_multipart};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::identity::{IdentityHeader, IdentityOfHeader};
use crate::middleware::guard::Granted;
use crate::problem::{ApiError, Code};
use crate::problem_responses;
use crate::schema::Binary;

/// The label, note and protection of an uploaded archive.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// Short name.
    #[param(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    label: Option<String>,
    /// Free-text note.
    #[param(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    note: Option<String>,
    /// Whether it is protected from deletion. Default `false`.
    protected: Option<bool>,
}

problem_responses!(
    UploadProblems: MalformedBody, UnsupportedMediaType, RequestTimeout, Unauthenticated, Forbidden, Cancelled, UploadTooLarge,
    ArchiveLimitExceeded, NotAnArchive, InvalidField, ArchiveEmpty, ArchiveTruncated, ArchiveCorrupt, ArchiveDigestMismatch,
    ArchiveWrongKey, ArchiveKeyRequired, ArchiveNewerVersion, ArchiveSchemaMismatch, ArchiveNotCanonical,
    ArchiveInvalidValue, ArchiveInvalidRow, ArchiveIdsOutOfOrder, ArchiveDuplicateId, ArchiveCountMismatch,
    ArchiveTotalsMismatch, ArchiveTrailingData, ArchiveTableNotFound, ArchiveOrphan, IdempotencyKeyReused, Stopping,
    Interrupted, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Upload an archive
///
/// The body is the file: a complete JSON backup, plain, compressed (zstd) or encrypted (age) to a key of this service,
/// or of the header `X-Archive-Identity`.
/// It is stored and then read to its end. A file that is damaged, truncated, from another program or with other tables
/// is refused with its own code and is not stored. The upload restores nothing.
#[utoipa::path(
    operation_id = "uploadArchive",
    tag = "archives",
    params(UploadQuery, IdempotencyHeader, IdentityHeader),
    request_body(
        description = "The file.",
        content((inline(Binary) = "application/octet-stream")),
    ),
    responses(
        (
            status = 201,
            description = "The file is complete, and the archive is listed.",
            body = ArchiveAnswer,
            headers(("Location" = String, description = "The address of the archive.")),
        ),
        UploadProblems
    )
)]
#[post("/archives/upload")]
pub(super) async fn upload_archive(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<UploadQuery>,
    key: IdempotencyKey,
    identity: IdentityOfHeader,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    if is_multipart(&request) {
        let detail = "The file was sent as a part of a multipart form (curl: -F). Send the file itself as the body: with curl, \
                      `--data-binary @FILE` or `-T FILE`. Nothing was stored.";
        return Err(ApiError::new(Code::UnsupportedMediaType, detail).closing());
    }
    let UploadQuery { label, note, protected } = query.0;
    let protected = protected.unwrap_or_default();
    let upload = Upload {
        annotations: Annotations { label, note, protected },
        length: length(&request),
        key: key.into_text(),
    };
    let mut broken = None;
    let bytes = bytes(payload, state.settings.stall_timeout, &mut broken);
    let submitted = identity.operations(&state).upload(&granted.0, upload, bytes).await;
    // The error of the request is more exact than the store's.
    let submitted = match broken {
        Some(error) => return Err(error),
        None => submitted?,
    };
    let job = submitted.ended().await?;
    match ApiError::of_job(&job) {
        Some(error) => Err(error),
        None => created(&granted, &state, &job).await,
    }
}

async fn created(granted: &Granted, state: &AppState, job: &Job) -> Result<HttpResponse, ApiError> {
    let BackupReport { archive_id, .. } = job.report()?;
    let archive = state.operations.show(&granted.0, &archive_id).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/backup/archives/{archive_id}")))
        .json(ArchiveAnswer::from(archive)))
}

fn length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The bytes of the body. If they break off or none arrive for too long, `broken` gets the error.
fn bytes<'a>(
    payload: web::Payload,
    timeout: Duration,
    broken: &'a mut Option<ApiError>,
) -> impl Stream<Item = campus_backup_domain::Result<web::Bytes>> + use<'a> {
    type State<'a> = (web::Payload, &'a mut Option<ApiError>);
    stream::unfold((payload, broken), move |(mut payload, broken): State<'a>| async move {
        let error = match tokio::time::timeout(timeout, payload.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(bytes))) => return Some((Ok(bytes), (payload, broken))),
            Ok(Some(Err(_))) => {
                let detail = "The body ended early, or its framing is wrong.";
                ApiError::new(Code::MalformedBody, detail)
            }
            Err(_) => {
                let detail = format!(
                    "No bytes of the body have arrived for {}.",
                    counted(timeout.as_secs(), "second")
                );
                ApiError::new(Code::RequestTimeout, detail)
            }
        };
        *broken = Some(error.closing());
        Some((Err(campus_backup_domain::Error::Gone), (payload, broken)))
    })
}
