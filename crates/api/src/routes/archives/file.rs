//! `/backup/archives/{id}/file`: an archive as it is stored, whole or in ranges.

use std::ops::Range;

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, CacheControl, CacheDirective, ContentEncoding, ETag, EntityTag, Header as _,
    IF_RANGE, RANGE, Range as RangeHeader,
};
use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_archive::Manifest;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::AppState;
use crate::body::Query;
use crate::conditional::is_known;
use crate::digest::{REPR_DIGEST, sha256_of_hexadecimal};
use crate::link::{self, ConsumeLinkOnSend};
use crate::middleware::guard::Granted;
use crate::middleware::head::is_head;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::download::attachment;
use crate::schema::Binary;

/// The query of a download of an archive.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// Instead of a bearer token: the token of a download link. Links come complete from `POST /backup/download-links`.
    #[param(pattern = "^[0-9a-f]{64}$")]
    pub link: Option<String>,
    /// With `link`: starts the download at once. Otherwise a browser shows a page with a button first.
    pub begin: Option<bool>,
}

/// The part of the file that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Range(Range<u64>),
    /// The range is outside of the file.
    Nothing,
}

problem_responses!(
    FileProblems: InvalidField, Unauthenticated, LinkInvalid, Forbidden, UnknownArchive, LinkUsed, ArchiveGone,
    ArchiveIncomplete, RangeNotSatisfiable, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable,
    StoreMisconfigured, StoreUnavailable, Internal
);

/// Download an archive
///
/// The stored bytes, unchanged. The public tools `age`, `zstd` and `jq` open them. A request may have one range (RFC 9110,
/// section 14), with `If-Range`. A request with several ranges gets the whole file. `Repr-Digest`
/// (RFC 9530) has the SHA-256 of the whole file.
#[utoipa::path(
    operation_id = "downloadArchive",
    tag = "archives",
    params(
        ("id" = String, Path, description = "The archive's id."),
        FileQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=0-1023`."),
        ("If-Range" = Option<String>, Header, description = "The `ETag` that the file must still have."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The file.",
            content((inline(Binary) = "application/octet-stream")),
            headers(
                ("Content-Disposition" = String, description = "`attachment` with the file's name (RFC 6266)."),
                ("Content-Length" = u64, description = "The size of the file in bytes."),
                ("ETag" = String, description = "Changes with the bytes."),
                ("Repr-Digest" = String, description = "SHA-256 of the whole file (RFC 9530)."),
            ),
        ),
        (
            status = 206,
            description = "The range.",
            content((inline(Binary) = "application/octet-stream")),
            headers(("Content-Range" = String, description = "The range and the size of the file.")),
        ),
        (status = 304, description = "The client's copy is current."),
        FileProblems
    )
)]
#[get("/archives/{id}/file")]
pub(super) async fn download_archive(
    granted: Granted,
    state: web::Data<AppState>,
    id: web::Path<String>,
    query: Query<FileQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut link_use = link::claimed(&request, query.0.link.as_deref(), query.0.begin)?;
    let manifest = state.operations.show(&granted.0, &id).await?.manifest;
    let size = manifest.object.size;
    if let Some(link_use) = &link_use {
        link_use.ensure_left(size)?;
    }
    let tag = EntityTag::new_strong(manifest.object.sha256.clone());
    if is_known(&request, &tag) {
        return Ok(HttpResponse::NotModified().insert_header(ETag(tag)).finish());
    }
    let (mut answer, range) = match part(&request, &tag, size) {
        Part::Whole => (HttpResponse::Ok(), 0..size),
        Part::Nothing => return Err(ApiError::unsatisfiable(size)),
        Part::Range(range) => {
            let mut answer = HttpResponse::PartialContent();
            let (first, last) = (range.start, range.end - 1);
            answer.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            (answer, range)
        }
    };
    let length = range.end - range.start;
    if let Some(link_use) = link_use.as_mut().filter(|_| !is_head(&request)) {
        link_use.begin(length, size).await?;
    }
    let outgoing = state.operations.file(&granted.0, &manifest, Some(range)).await?;
    let bytes = ConsumeLinkOnSend::new(Box::pin(outgoing.into_stream()), link_use, Some(size));
    answer
        .content_type("application/octet-stream")
        .insert_header(attachment(file_name(&manifest)))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .insert_header(ETag(tag))
        // The file is compressed already, and a range refers to its stored bytes.
        .insert_header(ContentEncoding::Identity);
    if let Some(digest) = sha256_of_hexadecimal(&manifest.object.sha256) {
        answer.insert_header((REPR_DIGEST, digest));
    }
    Ok(answer.body(SizedStream::new(length, bytes)))
}

/// The name of a downloaded archive.
pub fn file_name(manifest: &Manifest) -> String {
    format!("campus-backup-{}.json{}", manifest.id, manifest.object.form().suffix())
}

/// RFC 9110, sections 13.1.5 and 14.2: what can't be read, or is of another file, is as if it had not been sent.
fn part(request: &HttpRequest, tag: &EntityTag, size: u64) -> Part {
    if !request.headers().contains_key(RANGE) {
        return Part::Whole;
    }
    let condition = request.headers().get(IF_RANGE);
    if condition.is_some_and(|condition| condition.as_bytes() != tag.to_string().as_bytes()) {
        return Part::Whole;
    }
    match RangeHeader::parse(request) {
        Ok(RangeHeader::Bytes(ranges)) => match ranges.as_slice() {
            [range] => match range.to_satisfiable_range(size) {
                Some((first, last)) => Part::Range(first..last + 1),
                None => Part::Nothing,
            },
            _ => Part::Whole,
        },
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn ranges_follow_the_standard() {
        let tag = EntityTag::new_strong("abc".to_owned());
        let ask = |range: &str, condition: Option<&str>| {
            let mut request = TestRequest::get().insert_header((RANGE, range));
            if let Some(condition) = condition {
                request = request.insert_header((IF_RANGE, condition));
            }
            part(&request.to_http_request(), &tag, 100)
        };
        assert_eq!(ask("bytes=0-9", None), Part::Range(0..10));
        assert_eq!(ask("bytes=90-", None), Part::Range(90..100));
        assert_eq!(ask("bytes=-10", None), Part::Range(90..100));
        assert_eq!(ask("bytes=50-1000", None), Part::Range(50..100));
        assert_eq!(ask("bytes=100-", None), Part::Nothing);
        assert_eq!(ask("bytes=-0", None), Part::Nothing);
        for whole in ["bytes=0-1,5-6", "lines=1-2", "bytes=9-1", "bytes", ""] {
            assert_eq!(ask(whole, None), Part::Whole, "{whole}");
        }
        assert_eq!(ask("bytes=0-9", Some("\"abc\"")), Part::Range(0..10));
        assert_eq!(ask("bytes=0-9", Some("\"other\"")), Part::Whole);
        assert_eq!(ask("bytes=0-9", Some("W/\"abc\"")), Part::Whole);
    }
}
