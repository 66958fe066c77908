//! The bytes of a file: the body, or the last part of a multipart form.

use std::pin::Pin;
use std::time::Duration;

use actix_multipart::{Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{self, Bytes};
use campus_backup_domain::plural::counted;
use futures_util::{Stream, StreamExt as _, stream};

use crate::problem::{ApiError, Code};

/// The name of the part with the file.
const FILE: &str = "file";

/// How many fields a form may have before the file, and how many bytes each of them.
const MAX_FIELDS: usize = 20;
const MAX_FIELD_BYTES: usize = 65_536;

/// How many characters of a file's name are kept.
const MAX_NAME: usize = 200;

type FileBytes = Pin<Box<dyn Stream<Item = Result<Bytes, ApiError>>>>;

/// A body that has begun to arrive.
pub(super) struct ReceivedBody {
    /// The fields of the form before the file.
    pub(super) fields: Vec<(String, String)>,
    /// The name of the file, if the client sent one.
    pub(super) file_name: Option<String>,
    /// The announced number of bytes of the file.
    pub(super) length: Option<u64>,
    bytes: FileBytes,
    timeout: Duration,
}

impl ReceivedBody {
    /// The file is the body.
    pub(super) fn bare(request: &HttpRequest, payload: web::Payload, timeout: Duration) -> Result<Self, ApiError> {
        let length = request.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        if length == Some(0) {
            return Err(ApiError::new(
                Code::MalformedBody,
                "The body is empty. Send the file as the body.",
            ));
        }
        let bytes = payload.map(|bytes| bytes.map_err(|_| broken()));
        Ok(Self {
            fields: Vec::new(),
            file_name: None,
            length,
            bytes: Box::pin(bytes),
            timeout,
        })
    }

    /// Reads the fields of a form up to its part `file`.
    pub(super) async fn of_form(
        request: &HttpRequest,
        payload: web::Payload,
        timeout: Duration,
    ) -> Result<Self, ApiError> {
        let mut form = Multipart::new(request.headers(), payload);
        let mut fields = Vec::new();
        loop {
            let part = within(timeout, form.next()).await?;
            let Some(part) = part else {
                return Err(
                    ApiError::invalid(FILE, "is missing: send the file as the part `file` of the form").closing(),
                );
            };
            let mut part = part.map_err(malformed)?;
            let name = part.name().unwrap_or_default().to_owned();
            if name == FILE {
                let file_name = part
                    .content_disposition()
                    .and_then(|disposition| disposition.get_filename());
                let file_name = file_name.map(|name| {
                    name.chars()
                        .filter(|letter| !letter.is_control())
                        .take(MAX_NAME)
                        .collect()
                });
                let bytes = part.map(|bytes| bytes.map_err(malformed)).chain(after_file(form));
                return Ok(Self {
                    fields,
                    file_name,
                    length: None,
                    bytes: Box::pin(bytes),
                    timeout,
                });
            }
            if fields.len() == MAX_FIELDS {
                return Err(ApiError::invalid(name, "is one field too many").closing());
            }
            let mut value = Vec::new();
            while let Some(bytes) = within(timeout, part.next()).await? {
                value.extend_from_slice(&bytes.map_err(malformed)?);
                if value.len() > MAX_FIELD_BYTES {
                    let detail = format!("may have {MAX_FIELD_BYTES} bytes at most");
                    return Err(ApiError::invalid(name, detail).closing());
                }
            }
            let value =
                String::from_utf8(value).map_err(|_| ApiError::invalid(name.clone(), "must be UTF-8").closing())?;
            fields.push((name, value));
        }
    }

    /// The bytes of the file. If they break off or none arrive for too long, `broken` gets the error.
    pub(super) fn bytes<'a>(
        self,
        broken: &'a mut Option<ApiError>,
    ) -> impl Stream<Item = campus_backup_domain::Result<Bytes>> + use<'a> {
        type State<'a> = (FileBytes, &'a mut Option<ApiError>);
        let timeout = self.timeout;
        stream::unfold((self.bytes, broken), move |(mut bytes, broken): State<'a>| async move {
            let error = match within(timeout, bytes.next()).await {
                Ok(None) => return None,
                Ok(Some(Ok(chunk))) => return Some((Ok(chunk), (bytes, broken))),
                Ok(Some(Err(error))) | Err(error) => error,
            };
            *broken = Some(error.closing());
            Some((Err(campus_backup_domain::Error::Gone), (bytes, broken)))
        })
    }
}

/// Refuses parts after the file: their values would come too late.
fn after_file(form: Multipart) -> impl Stream<Item = Result<Bytes, ApiError>> {
    stream::once(async move {
        let mut form = form;
        match form.next().await {
            None => Ok(Bytes::new()),
            Some(Ok(part)) => {
                let name = part.name().unwrap_or_default().to_owned();
                Err(ApiError::invalid(name, "must come before the part `file`"))
            }
            Some(Err(error)) => Err(malformed(error)),
        }
    })
}

async fn within<T>(timeout: Duration, waited: impl Future<Output = T>) -> Result<T, ApiError> {
    tokio::time::timeout(timeout, waited).await.map_err(|_| {
        let seconds = counted(timeout.as_secs(), "second");
        ApiError::new(
            Code::RequestTimeout,
            format!("No bytes of the body have arrived for {seconds}."),
        )
        .closing()
    })
}

fn broken() -> ApiError {
    ApiError::new(Code::MalformedBody, "The body ended early, or its framing is wrong.")
}

fn malformed(error: MultipartError) -> ApiError {
    ApiError::new(
        Code::MalformedBody,
        format!("The body is not a multipart form: {error}."),
    )
    .closing()
}
