//! `/backup/archives/{id}/verify`: looking at an archive again.

use actix_web::{HttpResponse, post, web};
use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_domain::job::Job;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::jobs::accepted;

/// How closely an archive is looked at.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"level": "test_restore"}))]
struct VerifyRequest {
    /// `digest` reads the stored object and compares everything with what was written down; `test_restore` also restores it
    /// into a database of its own.
    level: VerificationLevel,
}

impl RequestBody for VerifyRequest {
    type Form = Self;
}

problem_responses!(
    VerifyProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownArchive, ArchiveGone, IdempotencyKeyReused, ManifestUnreadable, ArchiveUnreadable, Stopping,
    DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Verify an archive
///
/// Changes nothing but what the archive remembers: the job's result is kept with it and shown in lists. The job fails if
/// the archive is damaged, with the code of what is wrong. A test restore also says how long a restore takes.
///
/// If an archive has no manifest or a damaged one and is whole, its manifest is made again, and it is listed from then on.
/// An archive that is not the one that the database has a record of is refused (`archive_record_mismatch`).
/// The label, the note, the protection and former verifications are not in the archive and don't come back.
#[utoipa::path(
    operation_id = "verifyArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), IdempotencyHeader),
    request_body(content = VerifyRequest, description = "How closely."),
    responses(
        (
            status = 202,
            description = "It is being looked at.",
            body = Job,
            headers(("Location" = String, description = "Where the job is.")),
        ),
        VerifyProblems
    )
)]
#[post("/archives/{id}/verify")]
pub(super) async fn verify_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
    body: Body<VerifyRequest>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("verifyArchive", &(&*id, &body.0))?;
    let submitted = state.operations.verify(&granted.0, &id, body.0.level, key).await?;
    Ok(accepted(submitted.job().clone()))
}
