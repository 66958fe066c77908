//! `/backup/imports`: a file becomes a plan, and a plan becomes a change.

mod options;
mod receive;

use actix_web::body::SizedStream;
use actix_web::http::header::{CacheControl, CacheDirective, LOCATION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use campus_backup_domain::import::{self, IMPORTABLE, ImportPlan, TemplateFormat};
use campus_backup_domain::job::Job;
use campus_backup_domain::operations::NewImport;
use campus_backup_domain::{Error, Table};
use serde::{Deserialize, Serialize};
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use self::options::ImportQuery;
use self::receive::ReceivedBody;
use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody, is_multipart};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::download::attachment;
use crate::routes::jobs::accepted;
use crate::schema::{Binary, Workbook};
use crate::security_log::About;

/// The media type of a CSV file.
const CSV: &str = "text/csv; charset=utf-8";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_template)
        .service(plan_import)
        .service(get_import)
        .service(get_import_errors)
        .service(apply_import)
        .service(discard_import);
}

problem_responses!(
    PlanProblems: MalformedBody, UnsupportedMediaType, RequestTimeout, Unauthenticated, Forbidden, UnknownTable,
    ImportTooLarge, InvalidField, ImportUnreadable, Unexportable, Cancelled, Stopping, DatabaseBusy, DatabaseUnavailable,
    InsufficientStorage, Internal
);
problem_responses!(
    ImportProblems: InvalidField, Unauthenticated, Forbidden, UnknownImport, Internal
);
problem_responses!(
    ErrorsProblems: InvalidField, Unauthenticated, Forbidden, UnknownImport, ImportGone, ImportUnreadable, Cancelled,
    InsufficientStorage, Internal
);
problem_responses!(
    ApplyProblems: MalformedBody, InvalidField, WrongConfirmation, UnsupportedMediaType, BodyTooLarge, RequestTimeout,
    Unauthenticated, Forbidden, UnknownImport, ImportRefused, PlanOutdated, Busy, IdempotencyKeyReused, Stopping,
    DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    TemplateProblems: InvalidField, Unauthenticated, Forbidden, UnknownTable, Internal
);

/// A file as a part of a form.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it is only described")]
struct ImportForm {
    /// The file. It must be the last part. Each parameter of the query can also be a field of the form before it.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// The table of the path.
fn table(name: &str) -> Result<Table, ApiError> {
    let names = IMPORTABLE.map(Table::name);
    match Table::from_name(name) {
        // The request is refused with the reason.
        Some(table) => Ok(table),
        None => Err(ApiError::unknown_table_in_path(&names)),
    }
}

/// Plan the import of a file
///
/// The file is CSV, XLSX, ODS, or JSON with the rows of an archive. Its content decides, not its name. It is the body, or the part
/// `file` of a multipart form. Nothing is changed. The answer says which headings were recognized, and what an import would insert,
/// change and remove, with the first errors and changes. Apply the plan within a day.
///
/// Rows are found by the column ID, or else by the unique key: the registration number of a student, the name of a course or
/// category, student and course of an enrollment, student, course and date of attendance, the transaction id of a payment.
/// Columns that the file does not have stay unchanged. Users can't be imported.
#[utoipa::path(
    operation_id = "planImport",
    tag = "imports",
    params(
        ("id" = String, Path, description = "The table: students, courses, payment_categories, enrollments, payments or attendance."),
        ImportQuery,
    ),
    request_body(
        description = "The file.",
        content((inline(Binary) = "application/octet-stream"), (ImportForm = "multipart/form-data")),
    ),
    responses(
        (
            status = 201,
            description = "The plan.",
            body = ImportPlan,
            headers(("Location" = String, description = "The address of the import.")),
        ),
        PlanProblems
    )
)]
// Its parameter has the name of the other operations' parameter there: a document has no two paths that differ only in that.
#[post("/imports/{id}")]
async fn plan_import(
    granted: Granted,
    // Refused before the body is read. The fields of a form are added to it.
    _: Query<ImportQuery>,
    state: web::Data<AppState>,
    name: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let table = table(&name)?;
    let timeout = state.settings.stall_timeout;
    let mut body = match is_multipart(&request) {
        true => ReceivedBody::of_form(&request, payload, timeout).await?,
        false => ReceivedBody::bare(&request, payload, timeout)?,
    };
    let asked = ImportQuery::read(request.query_string(), &body.fields)?;
    let new = NewImport {
        request: asked.request(table)?,
        file_name: body.file_name.take(),
        length: body.length,
        time_zone: state.settings.timezone,
    };
    let mut broken = None;
    let planned = state
        .operations
        .plan_import(&granted.0, new, body.bytes(&mut broken))
        .await;
    // The error of the request is more exact than that of the stream.
    let plan = match broken {
        Some(error) => return Err(error),
        None => planned?,
    };
    About {
        id: Some(plan.id.clone()),
        ..About::default()
    }
    .keep(&request);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/backup/imports/{}", plan.id)))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(plan))
}

/// Get the plan of an import
#[utoipa::path(
    operation_id = "getImport",
    tag = "imports",
    params(("id" = String, Path, description = "The import's id.")),
    responses((status = 200, description = "The plan.", body = ImportPlan), ImportProblems)
)]
#[get("/imports/{id}")]
async fn get_import(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let plan = state.operations.import_plan(&granted.0, &id)?;
    About::table(plan.table).keep(&request);
    Ok(HttpResponse::Ok()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(plan))
}

/// Download the wrong rows of an import
///
/// A CSV file with the columns of the file that was sent and a column with the reasons. Correct the rows and send the file again:
/// the column with the reasons is ignored.
#[utoipa::path(
    operation_id = "getImportErrors",
    tag = "imports",
    params(("id" = String, Path, description = "The import's id.")),
    responses(
        (
            status = 200,
            description = "The wrong and conflicting rows.",
            body = String,
            content_type = "text/csv",
            headers(("Content-Disposition" = String, description = "`attachment` with the file's name (RFC 6266).")),
        ),
        ErrorsProblems
    )
)]
#[get("/imports/{id}/errors")]
async fn get_import_errors(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let file = state.operations.import_errors(&granted.0, &id).await?;
    let length = file.metadata().map_err(ApiError::internal)?.len();
    let plan = state.operations.import_plan(&granted.0, &id)?;
    About::table(plan.table).keep(&request);
    let name = format!("{}_import_errors.csv", plan.table);
    let bytes = ReaderStream::new(tokio::fs::File::from_std(file));
    Ok(HttpResponse::Ok()
        .content_type(CSV)
        .insert_header(attachment(name))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .body(SizedStream::new(length, bytes)))
}

/// The confirmation of an import.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "plan_hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "confirm": "import",
}))]
struct ApplyImportBody {
    /// The `hash` of the plan.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan_hash: String,
    /// The word `import`.
    confirm: Option<String>,
}

impl RequestBody for ApplyImportBody {
    type Form = Self;
}

/// Apply the plan of an import
///
/// Does exactly what the plan says, or nothing. The job creates a safety backup, compares the data with that of the plan, and changes
/// everything in one transaction. Before the commit it reads the rows back, and checks counts, sums and references. The job's result
/// says until when `POST /backup/changes/{id}/undo` can undo the import.
#[utoipa::path(
    operation_id = "applyImport",
    tag = "imports",
    params(("id" = String, Path, description = "The import's id."), IdempotencyHeader),
    request_body(content = ApplyImportBody, description = "The hash of the plan, and the confirmation."),
    responses(
        (
            status = 202,
            description = "The job that applies it.",
            body = Job,
            headers(("Location" = String, description = "The address of the job.")),
        ),
        ApplyProblems
    )
)]
#[post("/imports/{id}/apply")]
async fn apply_import(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
    body: Body<ApplyImportBody>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("applyImport", &(&*id, &body.0))?;
    let ApplyImportBody { plan_hash, confirm } = body.0;
    let submitted = state
        .operations
        .apply_import(&granted.0, &id, &plan_hash, confirm.as_deref(), key)
        .await?;
    Ok(accepted(submitted.job().clone()))
}

/// Discard an import
///
/// Deletes the file and the plan before they expire. Nothing that was imported is changed.
#[utoipa::path(
    operation_id = "discardImport",
    tag = "imports",
    params(("id" = String, Path, description = "The import's id.")),
    responses((status = 204, description = "It is deleted."), ImportProblems)
)]
#[delete("/imports/{id}")]
async fn discard_import(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.operations.discard_import(&granted.0, &id)?;
    Ok(HttpResponse::NoContent().finish())
}

/// The query of a template.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TemplateQuery {
    /// The format. Default `csv`.
    #[param(required = false, inline)]
    format: Option<TemplateName>,
}

/// The format of a template.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TemplateFormat)]
enum TemplateName {
    /// Headings and an example row.
    #[default]
    Csv,
    /// The same as a workbook, with notes.
    Xlsx,
}

/// Download a template
///
/// A file with the headings of the table, one example row and notes, to be filled in. The example row is left out by an import.
#[utoipa::path(
    operation_id = "getImportTemplate",
    tag = "imports",
    params(("table" = String, Path, description = "The table."), TemplateQuery),
    responses(
        (
            status = 200,
            description = "The template.",
            content((String = "text/csv"), (inline(Workbook) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")),
            headers(("Content-Disposition" = String, description = "`attachment` with the file's name (RFC 6266).")),
        ),
        TemplateProblems
    )
)]
#[get("/imports/{table}/template")]
async fn get_template(
    _: Granted,
    name: web::Path<String>,
    query: Query<TemplateQuery>,
) -> Result<HttpResponse, ApiError> {
    let table = table(&name)?;
    if table == Table::Users {
        return Err(Error::Invalid {
            field: "table",
            problem: "must not be users: they can't be imported".to_owned(),
        }
        .into());
    }
    let (format, media_type, extension) = match query.0.format.unwrap_or_default() {
        TemplateName::Csv => (TemplateFormat::Csv, CSV, "csv"),
        TemplateName::Xlsx => (TemplateFormat::Xlsx, XLSX, "xlsx"),
    };
    let template = import::template(table, format)?;
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header(attachment(format!("{table}_template.{extension}")))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .body(Bytes::from(template)))
}
