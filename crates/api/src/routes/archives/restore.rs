//! `/backup/archives/{id}/restore-plan` and `/restore`: bringing back what is in an archive.

use actix_web::{HttpResponse, post, web};
use campus_backup_domain::job::Job;
use campus_backup_domain::operations::{RestoreRequest, Unencrypted};
use campus_backup_domain::restore::{Plan, Restore, RestoreMode, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::jobs::accepted;

/// What is to be restored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scope": {"tables": ["payments", "attendance"]}, "mode": "merge"}))]
struct PlanRequest {
    /// Which rows. Default `all`.
    #[serde(default)]
    #[schema(required = false)]
    scope: Scope,
    /// How they meet those that are there.
    mode: RestoreMode,
    /// Whether active administrators are disabled where the archive has them as inactive, with another role, or with a
    /// password with which nobody can sign in. Default `false`: they stay as they are, and a warning names them.
    #[serde(default)]
    #[schema(required = false)]
    disable_administrators: bool,
    /// Whether the archive may be unencrypted although the settings encrypt archives: whoever can write to the store, without
    /// any key, may have put it there.
    #[serde(default)]
    allow_unencrypted: bool,
}

/// A restore that somebody has looked at the plan of.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RestoreRequest, example = json!({
    "mode": "replace", "plan_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "confirm": "restore", "confirm_administrators": true,
}))]
struct RestoreBody {
    /// Which rows. Default `all`.
    #[serde(default)]
    #[schema(required = false)]
    scope: Scope,
    /// How they meet those that are there.
    mode: RestoreMode,
    /// As for the plan.
    #[serde(default)]
    #[schema(required = false)]
    disable_administrators: bool,
    /// The `hash` of the plan. If the data has changed since, nothing is restored (412).
    plan_hash: String,
    /// The word `restore`.
    confirm: Option<String>,
    /// `true` if the accounts of administrators that the plan names are to change as it says. It must be if there are any.
    #[serde(default)]
    #[schema(required = false)]
    confirm_administrators: bool,
    /// Whether the archive may be unencrypted although the settings encrypt archives, as in the request for the plan.
    #[serde(default)]
    allow_unencrypted: bool,
}

impl RequestBody for PlanRequest {
    type Form = Self;
}

impl RequestBody for RestoreBody {
    type Form = Self;
}

problem_responses!(
    PlanProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownArchive, ArchiveGone, ArchiveTruncated, ArchiveCorrupt, ArchiveDigestMismatch, ArchiveWrongKey,
    ArchiveKeyRequired, ArchiveRowNotFound, ArchiveInvalidValue, Unexportable, ArchiveManifestMismatch, ArchiveRecordMismatch, ArchiveUnencrypted,
    ArchiveIncomplete, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    RestoreProblems: MalformedBody, InvalidField, WrongConfirmation, UnsupportedMediaType, BodyTooLarge,
    RequestTimeout, Unauthenticated, Forbidden, UnknownArchive, ArchiveGone, ArchiveRecordMismatch, ArchiveUnencrypted,
    Busy, IdempotencyKeyReused,
    ArchiveIncomplete, ManifestUnreadable, ArchiveUnreadable, Stopping, DatabaseBusy, DatabaseUnavailable,
    StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Plan a restore
///
/// Reads the archive and the live data, and says what a restore would do, row for row; it changes nothing. `replace` makes
/// the scope what the archive has; `merge` lets the archive win and removes nothing; `insert_missing` brings back what is
/// missing and touches nothing else.
///
/// Each administrator whose account would change is named, with what happens to it. No restore removes an administrator, and
/// none disables one unless `disable_administrators` asks for it. Of an archive that was found in the store the first warning is that nothing
/// proves where it comes from.
#[utoipa::path(
    operation_id = "planRestore",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    request_body(content = PlanRequest, description = "What is to be restored."),
    responses((status = 200, description = "The plan.", body = Plan), PlanProblems)
)]
#[post("/archives/{id}/restore-plan")]
pub(super) async fn plan_restore(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<PlanRequest>,
) -> Result<web::Json<Plan>, ApiError> {
    let PlanRequest {
        scope,
        mode,
        disable_administrators,
        allow_unencrypted,
    } = body.0;
    let request = Restore {
        scope,
        mode,
        disable_administrators,
    };
    let unencrypted = Unencrypted::allowed_if(allow_unencrypted);
    let plan = state.operations.plan(&granted.0, &id, &request, unencrypted).await?;
    Ok(web::Json(plan))
}

/// Restore an archive
///
/// What the plan said, and nothing else. The job reads and checks the whole archive, takes a safety archive of what is there,
/// and then changes everything in one transaction; counts, sums and references are checked before it commits. If
/// anything fails, nothing has changed. You keep your account and your password; all other sessions end.
///
/// The job's result has the `safety_archive_id`, with which the restore can be taken back.
#[utoipa::path(
    operation_id = "restoreArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), IdempotencyHeader),
    request_body(content = RestoreBody, description = "What is to be restored, by which plan."),
    responses(
        (
            status = 202,
            description = "It is being restored.",
            body = Job,
            headers(("Location" = String, description = "Where the job is.")),
        ),
        RestoreProblems
    )
)]
#[post("/archives/{id}/restore")]
pub(super) async fn restore_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
    body: Body<RestoreBody>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("restoreArchive", &(&*id, &body.0))?;
    let RestoreBody {
        scope,
        mode,
        disable_administrators,
        plan_hash,
        confirm,
        confirm_administrators,
        allow_unencrypted,
    } = body.0;
    let request = RestoreRequest {
        restore: Restore {
            scope,
            mode,
            disable_administrators,
        },
        plan_hash,
        confirmation: confirm,
        confirm_administrators,
        unencrypted: Unencrypted::allowed_if(allow_unencrypted),
    };
    let sessions = state.accounts.end_sessions(&granted.0);
    let submitted = state
        .operations
        .restore(&granted.0, &id, request, sessions, key)
        .await?;
    Ok(accepted(submitted.job().clone()))
}
