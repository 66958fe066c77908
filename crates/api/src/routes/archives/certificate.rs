//! `/backup/archives/{id}/certificate`: a signed statement about an archive, and `/backup/certificate-key`, which checks it.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CacheControl, CacheDirective, ContentDisposition, DispositionParam,
    DispositionType, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_domain::certificate::{CertificatePublicKey, SignedCertificate};
use futures_util::stream;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::certificate_page;
use crate::link::{self, ConsumeLinkOnSend};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;

/// The form of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CertificateFormat {
    /// The signed document.
    Json,
    /// One page for people, to be printed.
    Html,
}

/// The query of a certificate.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CertificateQuery {
    /// `json` for the signed document, `html` for one page to be printed. Default `json`, and `html` for a browser
    /// (`Accept: text/html`).
    #[param(inline)]
    pub format: Option<CertificateFormat>,
    /// Instead of a bearer token: the token of a download link. Links come complete from `POST /backup/download-links`.
    #[param(pattern = "^[0-9a-f]{64}$")]
    pub link: Option<String>,
    /// With `link`: shows the certificate at once. Otherwise a browser shows a page with a button first.
    pub begin: Option<bool>,
}

problem_responses!(
    CertificateProblems: InvalidField, Unauthenticated, LinkInvalid, Forbidden, UnknownArchive, LinkUsed, ArchiveGone,
    ArchiveIncomplete, RangeNotSatisfiable, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable,
    StoreMisconfigured, StoreUnavailable, Internal
);
problem_responses!(
    KeyProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);

/// Get the certificate of an archive
///
/// A signed statement: who created the archive, when, and from which database; its counts, sums of money and digests; its copies;
/// the last verification and the last test restore, with their durations; and what proves each of these. The archive itself is not
/// read. `campus-backup verify --certificate FILE` checks it without this service.
#[utoipa::path(
    operation_id = "getArchiveCertificate",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), CertificateQuery),
    responses(
        (
            status = 200,
            description = "The certificate.",
            content(
                (SignedCertificate = "application/json"),
                (String = "text/html", example = "<!doctype html>\n<html lang=\"en\">\n"),
            ),
            headers(("Content-Disposition" = String, description = "The name for a saved file (RFC 6266).")),
        ),
        CertificateProblems
    )
)]
#[get("/archives/{id}/certificate")]
pub(super) async fn get_archive_certificate(
    granted: Granted,
    state: web::Data<AppState>,
    id: web::Path<String>,
    query: Query<CertificateQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let CertificateQuery { format, link, begin } = query.0;
    let link_use = link::claimed(&request, link.as_deref(), begin)?;
    let timezone = state.settings.timezone;
    let signed = state.operations.certificate(&granted.0, &id, timezone).await?;
    let format = format.unwrap_or_else(|| preferred(&request));
    let name = &signed.certificate.archive.id;
    let mut answer = HttpResponse::Ok();
    let body = match format {
        CertificateFormat::Json => {
            answer.content_type("application/json").insert_header(disposition(
                DispositionType::Attachment,
                name,
                "json",
            ));
            serde_json::to_vec(&signed).map_err(ApiError::internal)?
        }
        CertificateFormat::Html => {
            answer
                .content_type("text/html; charset=utf-8")
                .insert_header((CONTENT_SECURITY_POLICY, certificate_page::policy()))
                .insert_header(disposition(DispositionType::Inline, name, "html"));
            certificate_page::page(&signed).into_bytes()
        }
    };
    answer
        .insert_header((VARY, "Accept"))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]));
    let size = body.len() as u64;
    let bytes = stream::iter([Ok(Bytes::from(body))]);
    Ok(answer.body(SizedStream::new(size, ConsumeLinkOnSend::new(bytes, link_use, None))))
}

/// Get the public key of certificates
///
/// The key that checks the certificates of this installation. It never changes, and all copies of the service share it. Write down
/// its fingerprint (`key_id`) in a place that the installation can't change.
#[utoipa::path(
    operation_id = "getCertificateKey",
    tag = "archives",
    responses((status = 200, description = "The public key.", body = CertificatePublicKey), KeyProblems)
)]
#[get("/certificate-key")]
pub(super) async fn get_certificate_key(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
) -> Result<web::Json<CertificatePublicKey>, ApiError> {
    Ok(web::Json(state.operations.certificate_key(&granted.0).await?))
}

/// The form for a client that names none.
fn preferred(request: &HttpRequest) -> CertificateFormat {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    match accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        true => CertificateFormat::Html,
        false => CertificateFormat::Json,
    }
}

/// The name of a saved certificate. An id has only letters, digits and hyphens.
fn disposition(disposition: DispositionType, id: &str, suffix: &str) -> ContentDisposition {
    ContentDisposition {
        disposition,
        parameters: vec![DispositionParam::Filename(format!(
            "campus-backup-{id}-certificate.{suffix}"
        ))],
    }
}
