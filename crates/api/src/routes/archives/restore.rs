//! `/backup/archives/{id}/restore-plan` and `/restore`: planning a restore, and restoring an archive.

use actix_web::{HttpResponse, post, web};
use campus_backup_domain::job::Job;
use campus_backup_domain::operations::{RestoreRequest, Unencrypted};
use campus_backup_domain::restore::{Plan, Restore, RestoreMode, Scope};
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

/// A request for a plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scope": {"tables": ["payments", "attendance"]}, "mode": "merge"}))]
struct PlanRequest {
    /// The rows to restore. Default `all`.
    #[serde(default)]
    #[schema(required = false)]
    scope: Scope,
    /// How archived rows and live rows are combined.
    mode: RestoreMode,
    /// Whether active administrators are disabled if the archive has them as inactive, with another role, or with an
    /// unusable password. Default `false`: they stay unchanged, and a warning names them.
    #[serde(default)]
    #[schema(required = false)]
    disable_administrators: bool,
    /// Whether the archive may be unencrypted although the settings encrypt archives. An attacker with write access to
    /// the store could have put an unencrypted archive there, without any key.
    #[serde(default)]
    allow_unencrypted: bool,
    /// The secret key of age (`AGE-SECRET-KEY-1...`) that opens the archive, if the service has none that does; several keys are
    /// separated by line breaks. It is used for this request alone, in memory, and never stored, shown or logged.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, format = Password, write_only)]
    identity: Option<ArchiveIdentity>,
}

/// A request for a restore, after its plan was read.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RestoreRequest, example = json!({
    "mode": "replace", "plan_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "confirm": "restore", "confirm_administrators": true,
}))]
struct RestoreBody {
    /// The rows to restore. Default `all`.
    #[serde(default)]
    #[schema(required = false)]
    scope: Scope,
    /// How archived rows and live rows are combined.
    mode: RestoreMode,
    /// As in the request for the plan.
    #[serde(default)]
    #[schema(required = false)]
    disable_administrators: bool,
    /// The `hash` of the plan. If the data has changed since, nothing is restored (412).
    plan_hash: String,
    /// The word `restore`.
    confirm: Option<String>,
    /// `true` to accept that the accounts of administrators change as the plan says. Necessary if the plan names any.
    #[serde(default)]
    #[schema(required = false)]
    confirm_administrators: bool,
    /// As in the request for the plan.
    #[serde(default)]
    allow_unencrypted: bool,
    /// As in the request for the plan.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, required = false, format = Password, write_only)]
    identity: Option<ArchiveIdentity>,
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
    ArchiveWrongKey, ArchiveKeyRequired, Busy, IdempotencyKeyReused,
    ArchiveIncomplete, ManifestUnreadable, ArchiveUnreadable, Stopping, DatabaseBusy, DatabaseUnavailable,
    StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Plan a restore
///
/// Reads the archive and the live data, and returns the effect of a restore on every row. It changes nothing.
/// `replace` makes the scope equal to the archive. `merge` overwrites with the archive's values and deletes nothing.
/// `insert_missing` inserts absent rows and changes no other row.
///
/// The plan names each administrator whose account would change, with the effect. A restore never deletes an
/// administrator, and disables one only with `disable_administrators`. If the archive was found in the store, the
/// first warning says that its origin is not proven.
#[utoipa::path(
    operation_id = "planRestore",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    request_body(content = PlanRequest, description = "The scope and the mode of the restore."),
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
        identity,
    } = body.0;
    let request = Restore {
        scope,
        mode,
        disable_administrators,
    };
    let unencrypted = Unencrypted::allowed_if(allow_unencrypted);
    let operations = operations_with(&state, identity.as_ref());
    let plan = operations.plan(&granted.0, &id, &request, unencrypted).await?;
    Ok(web::Json(plan))
}

/// Restore an archive
///
/// Does exactly what the plan says. The job reads and checks the whole archive, creates a safety backup of the current
/// data, and then changes everything in one transaction. Before the commit it checks counts, sums and references. If
/// anything fails, nothing has changed. You keep your account and your password. All other sessions end. A named token stays, if
/// its account is still an active administrator.
///
/// If the plan names administrators, a named token needs the scope `admin`.
///
/// The job's result has the `safety_archive_id`. Restore that archive to undo the restore.
#[utoipa::path(
    operation_id = "restoreArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), IdempotencyHeader),
    request_body(content = RestoreBody, description = "The scope, the mode and the hash of the plan."),
    responses(
        (
            status = 202,
            description = "The job that restores it.",
            body = Job,
            headers(("Location" = String, description = "The address of the job.")),
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
        identity,
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
    // The body may have come late, and an archive can bring an administrator.
    state.accounts.ensure_still_valid(&granted.0).await?;
    let sessions = state.accounts.end_sessions(&granted.0);
    let operations = operations_with(&state, identity.as_ref());
    let submitted = operations.restore(&granted.0, &id, request, sessions, key).await?;
    Ok(accepted(submitted.job().clone()))
}
