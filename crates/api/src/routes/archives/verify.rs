//! `/backup/archives/{id}/verify`: reads an archive again and checks it.

use actix_web::{HttpResponse, post, web};
use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_domain::job::Job;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::identity::{ArchiveIdentity, operations_with};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::jobs::accepted;

/// The level of a verification.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"level": "test_restore"}))]
struct VerifyRequest {
    /// `digest` reads the stored object and compares it with all recorded values. `test_restore` also restores it into
    /// a temporary database.
    level: VerificationLevel,
    /// The secret key of age (`AGE-SECRET-KEY-1...`) that opens the archive, if the service has none that does; several keys are
    /// separated by line breaks. It is used for this request alone, in memory, and never stored, shown or logged.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, required = false, format = Password, write_only)]
    identity: Option<ArchiveIdentity>,
}

impl RequestBody for VerifyRequest {
    type Form = Self;
}

problem_responses!(
    VerifyProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownArchive, ArchiveGone, IdempotencyKeyReused, ArchiveWrongKey, ArchiveKeyRequired,
    ManifestUnreadable, ArchiveUnreadable, Stopping, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Verify an archive
///
/// Changes only the manifest of the archive: it records the result, which lists show. The job fails if the archive is
/// damaged, with the code of the damage. A test restore also measures the duration of a restore.
///
/// If the archive is complete and its manifest is missing or damaged, the manifest is written again, and the archive
/// is listed from then on. An archive that differs from its record in the database is refused
/// (`archive_record_mismatch`). The label, the note, the protection and former verifications are only in the manifest,
/// so they are lost with it.
#[utoipa::path(
    operation_id = "verifyArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), IdempotencyHeader),
    request_body(content = VerifyRequest, description = "The level of the verification."),
    responses(
        (
            status = 202,
            description = "The job that verifies it.",
            body = Job,
            headers(("Location" = String, description = "The address of the job.")),
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
    let VerifyRequest { level, identity } = body.0;
    let operations = operations_with(&state, identity.as_ref());
    let submitted = operations.verify(&granted.0, &id, level, key).await?;
    Ok(accepted(submitted.job().clone()))
}
