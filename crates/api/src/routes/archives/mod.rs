//! `/backup/archives`: taking archives, and everything that can be done with one.

mod answer;
mod file;
mod restore;
mod table;
mod upload;
mod verify;

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use campus_backup_archive::manifest::Origin;
use campus_backup_domain::operations::{AnnotationPatch, Annotations, UndoLoss};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::answer::{ArchiveAnswer, UnreadableAnswer};
use self::answer::{ArchiveList, origins};
pub(crate) use self::answer::{VerificationAnswer, levels};
pub use self::file::{FileQuery, file_name};
pub use self::restore::PlanAnswer;
pub(crate) use self::restore::{RestoreScope, modes, scopes};
use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::jobs::{JobAnswer, accepted};

/// How many archives a page has at the most.
const MOST: u64 = 1000;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(take_archive)
        .service(list_archives)
        .service(upload::upload_archive)
        .service(file::download_archive)
        .service(table::download_archived_table)
        .service(verify::verify_archive)
        .service(restore::plan_restore)
        .service(restore::restore_archive)
        .service(get_archive)
        .service(edit_archive)
        .service(delete_archive);
}

/// What is said of an archive that is taken.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "before the exams", "note": "Asked for by the head teacher.", "protected": true}))]
struct TakeRequest {
    /// A short name.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    label: Option<String>,
    /// A longer word; it may have several lines.
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    note: Option<String>,
    /// Whether it is kept until somebody says otherwise.
    #[serde(default)]
    protected: bool,
}

impl RequestBody for TakeRequest {
    type Form = Self;
}

/// What is to be said of an archive from now on. What is left out stays, `null` takes it back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "end of term", "note": null, "protected": true}))]
struct EditRequest {
    /// A short name.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    label: Option<Option<String>>,
    /// A longer word.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$")]
    note: Option<Option<String>>,
    /// Whether it is kept until somebody says otherwise.
    protected: Option<bool>,
}

impl RequestBody for EditRequest {
    type Form = Self;
}

/// Tells `null` from what was left out.
fn sent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Which archives are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ArchivesQuery {
    /// Only those that came into the store in this way.
    #[param(required = false, schema_with = origins)]
    kind: Option<Origin>,
    /// How many at the most.
    #[param(minimum = 1, maximum = 1000, default = 20)]
    limit: Option<u64>,
    /// How many of the newest are left out.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

/// Whether an archive is deleted in any case.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Whether to delete it although a clear can be undone only with it. A protected archive stays all the same. Default `false`.
    force: Option<bool>,
}

problem_responses!(
    TakeProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, IdempotencyKeyReused, Stopping, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable,
    InsufficientStorage, Internal
);
problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured,
    StoreUnavailable, Internal
);
problem_responses!(
    ShowProblems: InvalidField, Unauthenticated, Forbidden, UnknownArchive, ArchiveGone, ArchiveIncomplete, ManifestUnreadable,
    ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, Internal
);
problem_responses!(
    EditProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownArchive, ArchiveGone, ArchiveIncomplete, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy,
    DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    DeleteProblems: InvalidField, Unauthenticated, Forbidden, UnknownArchive, ArchiveGone, ArchiveProtected,
    ArchiveNeededForUndo, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, Internal
);

/// Take an archive
///
/// A backup of everything: one consistent snapshot of all seven tables, written into the store while it is read, as others
/// go on writing. Then what is stored is read back to its end and compared; only then the job has succeeded and the
/// archive is listed. The job's result has its `archive_id`.
///
/// Users are in it with the hashes of their passwords: who may read archives should know.
#[utoipa::path(
    operation_id = "takeArchive",
    tag = "archives",
    params(IdempotencyHeader),
    request_body(content = TakeRequest, description = "What is said of it."),
    responses(
        (
            status = 202,
            description = "It is being taken.",
            body = JobAnswer,
            headers(("Location" = String, description = "Where the job is.")),
        ),
        TakeProblems
    )
)]
#[post("/archives")]
async fn take_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    key: IdempotencyKey,
    body: Body<TakeRequest>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("takeArchive", &body.0)?;
    let TakeRequest { label, note, protected } = body.0;
    let annotations = Annotations { label, note, protected };
    let submitted = state.operations.create_backup(&granted.0, annotations, key).await?;
    Ok(accepted(submitted.job().clone()))
}

/// List archives
///
/// The newest first. The list is made from the store, so it is the same after the loss of the database. An entry of the store
/// that can't be read hides no other: it is in `unreadable`, with the reason.
#[utoipa::path(
    operation_id = "listArchives",
    tag = "archives",
    params(
        ArchivesQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that is known already."),
    ),
    responses(
        (
            status = 200,
            description = "The archives.",
            body = ArchiveList,
            headers(
                ("X-Total-Count" = u64, description = "How many items the whole list has."),
                ("Link" = String, description = "Other pages (RFC 8288): `first`, `prev`, `next`, `last`."),
                ("ETag" = String, description = "Changes if the list does."),
            ),
        ),
        (status = 304, description = "It is the one that is known already."),
        ListProblems
    )
)]
#[get("/archives")]
async fn list_archives(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<ArchivesQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let ArchivesQuery { kind, limit, offset } = query.0;
    let (limit, offset) = window(limit, offset, MOST)?;
    let kept = state.operations.list(&granted.0, kind, limit, offset).await?;
    let total = kept.total;
    let listed = ArchiveList::new(kept, limit, offset);
    pagination::answer(&state, &request, Window { limit, offset, total }, &listed)
}

/// Look at an archive
///
/// Its numbers, its digests, and what was found when it was verified. The archive itself is not read.
#[utoipa::path(
    operation_id = "getArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    responses((status = 200, description = "What is known of it.", body = ArchiveAnswer), ShowProblems)
)]
#[get("/archives/{id}")]
async fn get_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<ArchiveAnswer>, ApiError> {
    let archive = state.operations.show(&granted.0, &id).await?;
    Ok(web::Json(archive.into()))
}

/// Name, annotate or protect an archive
///
/// A protected archive is not deleted until the protection is removed.
#[utoipa::path(
    operation_id = "editArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    request_body(content = EditRequest, description = "What is to be said of it."),
    responses((status = 200, description = "What is known of it now.", body = ArchiveAnswer), EditProblems)
)]
#[patch("/archives/{id}")]
async fn edit_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<EditRequest>,
) -> Result<web::Json<ArchiveAnswer>, ApiError> {
    let EditRequest { label, note, protected } = body.0;
    let edit = AnnotationPatch { label, note, protected };
    let archive = state.operations.edit(&granted.0, &id, &edit).await?;
    Ok(web::Json(archive.into()))
}

/// Delete an archive
///
/// For ever. Afterwards its id is known as that of an archive that was deleted (410). The safety archive of a clear that can
/// still be undone is deleted only with `force=true`: afterwards the clear can't be undone.
#[utoipa::path(
    operation_id = "deleteArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), DeleteQuery),
    responses((status = 204, description = "It is gone."), DeleteProblems)
)]
#[delete("/archives/{id}")]
async fn delete_archive(
    granted: Granted,
    state: web::Data<AppState>,
    id: web::Path<String>,
    query: Query<DeleteQuery>,
) -> Result<HttpResponse, ApiError> {
    let loss = match query.0.force {
        Some(true) => UndoLoss::Accepted,
        Some(false) | None => UndoLoss::Refused,
    };
    state.operations.delete(&granted.0, &id, loss).await?;
    Ok(HttpResponse::NoContent()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish())
}
