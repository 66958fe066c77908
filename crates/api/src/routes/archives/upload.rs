//! `/backup/archives/upload`: letting an archive in.

use std::time::Duration;

use actix_web::http::header::{CONTENT_LENGTH, LOCATION};
use actix_web::{HttpRequest, HttpResponse, post, web};
use campus_backup_domain::job::Job;
use campus_backup_domain::operations::{Annotations, Upload};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ArchiveAnswer;
use crate::AppState;
use crate::body::{Query, is_multipart};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::plural::counted;
use crate::problem::{ApiError, Code};
use crate::problem_responses;
use crate::schema::Binary;

/// What is said of an archive that is uploaded.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// A short name.
    #[param(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    label: Option<String>,
    /// A longer word.
    #[param(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    note: Option<String>,
    /// Whether it is kept until somebody says otherwise. Default `false`.
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
/// The body is the file: the complete JSON backup, bare, compressed (zstd) or encrypted (age) to a key of this service. It
/// is stored while it comes and then read to its end: what is damaged, cut, of another program or of other tables is
/// refused, each with its own code, and nothing of it is kept. Nothing is restored.
#[utoipa::path(
    operation_id = "uploadArchive",
    tag = "archives",
    params(UploadQuery, IdempotencyHeader),
    request_body(
        description = "The file.",
        content((inline(Binary) = "application/octet-stream")),
    ),
    responses(
        (
            status = 201,
            description = "It is whole, and it is listed.",
            body = ArchiveAnswer,
            headers(("Location" = String, description = "Where the archive is.")),
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
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    if is_multipart(&request) {
        let detail = "The file was sent as a part of a form (curl: -F). Send the file itself as the body: with curl, \
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
    let submitted = state.operations.upload(&granted.0, upload, bytes).await;
    // What is wrong with the request is said better here than by the store.
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
    let id = job.result.as_ref().and_then(|result| result["archive_id"].as_str());
    let id = id.ok_or_else(|| ApiError::internal("the job has no archive"))?;
    let archive = state.operations.show(&granted.0, id).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/backup/archives/{id}")))
        .json(ArchiveAnswer::from(archive)))
}

fn length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The bytes as they come, until they break off or none come for too long; then `broken` says which.
fn bytes<'a>(
    payload: web::Payload,
    patience: Duration,
    broken: &'a mut Option<ApiError>,
) -> impl Stream<Item = campus_backup_domain::Result<web::Bytes>> + use<'a> {
    type State<'a> = (web::Payload, &'a mut Option<ApiError>);
    stream::unfold((payload, broken), move |(mut payload, broken): State<'a>| async move {
        let error = match tokio::time::timeout(patience, payload.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(bytes))) => return Some((Ok(bytes), (payload, broken))),
            Ok(Some(Err(_))) => {
                let detail = "The body ended before it was whole, or is badly framed.";
                ApiError::new(Code::MalformedBody, detail)
            }
            Err(_) => {
                let detail = format!(
                    "Nothing of the body has come for {}.",
                    counted(patience.as_secs(), "second")
                );
                ApiError::new(Code::RequestTimeout, detail)
            }
        };
        *broken = Some(error.closing());
        Some((Err(campus_backup_domain::Error::Gone), (payload, broken)))
    })
}
