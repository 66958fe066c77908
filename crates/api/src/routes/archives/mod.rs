//! `/backup/archives`: creating, showing, changing and deleting archives, and with [`list`] listing them.

mod accept;
mod answer;
mod certificate;
mod file;
mod list;
mod restore;
mod table;
mod upload;
mod verify;

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use campus_backup_domain::job::Job;
use campus_backup_domain::operations::{AnnotationPatch, Annotations, ArchiveLoss};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::answer::ArchiveAnswer;
pub use self::certificate::{CertificateFormat, CertificateQuery};
pub use self::file::{FileQuery, file_name};
use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::jobs::accepted;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_archive)
        .service(list::list_archives)
        .service(upload::upload_archive)
        .service(file::download_archive)
        .service(table::download_archived_table)
        .service(verify::verify_archive)
        .service(certificate::get_archive_certificate)
        .service(certificate::get_certificate_key)
        .service(restore::plan_restore)
        .service(restore::restore_archive)
        .service(accept::accept_archive)
        .service(get_archive)
        .service(update_archive)
        .service(delete_archive);
}

/// The label, note and protection of a new archive.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "before the exams", "note": "Asked for by the head teacher.", "protected": true}))]
struct CreateArchiveRequest {
    /// Short name.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    label: Option<String>,
    /// Free-text note. It may have several lines.
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    note: Option<String>,
    /// Whether it is protected from deletion.
    #[serde(default)]
    protected: bool,
}

impl RequestBody for CreateArchiveRequest {
    type Form = Self;
}

/// The new label, note and protection of an archive. A missing field stays as it is; `null` removes the value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "end of term", "note": null, "protected": true}))]
struct UpdateArchiveRequest {
    /// Short name.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    label: Option<Option<String>>,
    /// Free-text note.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$")]
    note: Option<Option<String>>,
    /// Whether it is protected from deletion.
    protected: Option<bool>,
}

impl RequestBody for UpdateArchiveRequest {
    type Form = Self;
}

/// Distinguishes `null` from a missing field.
pub(crate) fn sent<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The query of a deletion.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Whether to delete it even if the undo of a clear needs it, or if it is the newest good backup or the newest verified one. A
    /// protected archive is never deleted. Default `false`.
    force: Option<bool>,
}

problem_responses!(
    CreateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, IdempotencyKeyReused, Stopping, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable,
    InsufficientStorage, Internal
);
problem_responses!(
    ShowProblems: InvalidField, Unauthenticated, Forbidden, UnknownArchive, ArchiveGone, ArchiveIncomplete, ManifestUnreadable,
    ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, Internal
);
problem_responses!(
    UpdateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownArchive, ArchiveGone, ArchiveIncomplete, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy,
    DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    DeleteProblems: InvalidField, Unauthenticated, Forbidden, UnknownArchive, ArchiveGone, ArchiveProtected, ArchiveRetained,
    ArchiveNeededForUndo, ArchiveIsNewest, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, Internal
);

/// Create an archive
///
/// Creates a backup of everything: one consistent snapshot of all seven tables. Other writers are not blocked. The stored archive is
/// then read to its end and compared. Only after that the job succeeds and the archive is listed. The job's result has its
/// `archive_id`.
///
/// An archive contains the users with the hashes of their passwords. Give read access to archives accordingly.
#[utoipa::path(
    operation_id = "createArchive",
    tag = "archives",
    params(IdempotencyHeader),
    request_body(content = CreateArchiveRequest, description = "The label, note and protection."),
    responses(
        (
            status = 202,
            description = "The job that creates it.",
            body = Job,
            headers(("Location" = String, description = "The address of the job.")),
        ),
        CreateProblems
    )
)]
#[post("/archives")]
async fn create_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    key: IdempotencyKey,
    body: Body<CreateArchiveRequest>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("createArchive", &body.0)?;
    let CreateArchiveRequest { label, note, protected } = body.0;
    let annotations = Annotations { label, note, protected };
    let submitted = state.operations.create_backup(&granted.0, annotations, key).await?;
    Ok(accepted(submitted.job().clone()))
}

/// Get an archive
///
/// Its numbers, its digests, the results of its verifications, and its copies in the destinations. The archive itself is not
/// read.
#[utoipa::path(
    operation_id = "getArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    responses((status = 200, description = "The archive.", body = ArchiveAnswer), ShowProblems)
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

/// Update an archive's label, note or protection
///
/// A protected archive can't be deleted until the protection is removed. To remove it, a named token needs the scope `restore`, too.
#[utoipa::path(
    operation_id = "updateArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    request_body(content = UpdateArchiveRequest, description = "The new values."),
    responses((status = 200, description = "The archive with the new values.", body = ArchiveAnswer), UpdateProblems)
)]
#[patch("/archives/{id}")]
async fn update_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<UpdateArchiveRequest>,
) -> Result<web::Json<ArchiveAnswer>, ApiError> {
    let UpdateArchiveRequest { label, note, protected } = body.0;
    let edit = AnnotationPatch { label, note, protected };
    let archive = state.operations.edit(&granted.0, &id, &edit).await?;
    Ok(web::Json(archive.into()))
}

/// Delete an archive
///
/// Permanently. Afterwards requests with its id are answered with 410. The safety backup of a clear that can still be undone is
/// deleted only with `force=true`. The clear can't be undone afterwards. The newest good backup and the newest verified one need
/// `force=true`, too. Its copies in destinations are deleted a little later, unless the destination keeps them. A store that is
/// immutable refuses it (409 `archive_retained`), and the archive stays as it is.
#[utoipa::path(
    operation_id = "deleteArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), DeleteQuery),
    responses((status = 204, description = "The archive was deleted."), DeleteProblems)
)]
#[delete("/archives/{id}")]
async fn delete_archive(
    granted: Granted,
    state: web::Data<AppState>,
    id: web::Path<String>,
    query: Query<DeleteQuery>,
) -> Result<HttpResponse, ApiError> {
    let loss = match query.0.force {
        Some(true) => ArchiveLoss::Accepted,
        Some(false) | None => ArchiveLoss::Refused,
    };
    state.operations.delete(&granted.0, &id, loss).await?;
    Ok(HttpResponse::NoContent()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish())
}
