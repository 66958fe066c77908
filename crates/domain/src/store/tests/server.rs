//! A server of the S3 protocol on loopback, with configurable failures.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLock, Semaphore};
use tokio::task::JoinHandle;

use super::*;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type ServerBody = UnsyncBoxBody<Bytes, BoxError>;

const KEY: &str = "school";
const SECRET: &str = "a secret of the tests";

pub(super) struct Server {
    address: SocketAddr,
    pub(super) faults: Arc<Faults>,
    listening: JoinHandle<()>,
    folder: TempDir,
}

/// The configured failures.
pub(super) struct Faults {
    /// The number of requests that are answered with this error.
    pub(super) refusals: AtomicI64,
    pub(super) refused_with: std::sync::Mutex<StatusCode>,
    /// The number of uploaded bytes after which the connection is cut, each time.
    pub(super) upload_limit: AtomicU64,
    /// The number of responses to reading that are cut in the middle.
    pub(super) cut_answers: AtomicI64,
    /// Uploads wait for a permit.
    pub(super) gate: Semaphore,
    /// Bytes of uploads.
    pub(super) uploaded: AtomicU64,
    pub(super) requests: AtomicU64,
    /// Invalid keys, as of other programs in the bucket. While there are any, this module answers listings.
    pub(super) strange_keys: std::sync::Mutex<Vec<String>>,
    /// The answer to every request.
    answer: std::sync::Mutex<Option<(StatusCode, &'static str)>>,
    /// Requests with this method and end of the path are refused.
    refused: std::sync::Mutex<Option<(Method, &'static str)>>,
    lack: std::sync::Mutex<Option<Lack>>,
    /// The server checks a condition and acts on it in two steps, and has content and tag in two files.
    turns: RwLock<()>,
}

/// The behaviour of a server without conditional writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    Refuses,
    Ignores,
}

impl Faults {
    /// Answers every request with this.
    pub(super) fn answer_all(&self, status: StatusCode, body: &'static str) {
        *self.answer.lock().unwrap() = Some((status, body));
    }

    /// Refuses requests with this method and end of the path.
    pub(super) fn refuse(&self, method: Method, end: &'static str) {
        *self.refused.lock().unwrap() = Some((method, end));
    }

    pub(super) fn refuse_nothing(&self) {
        *self.refused.lock().unwrap() = None;
    }

    pub(super) fn lack_conditions(&self, lack: Lack) {
        *self.lack.lock().unwrap() = Some(lack);
    }

    /// The answer to a request that is not passed to the server.
    fn answer_to(&self, parts: &request::Parts) -> Option<(StatusCode, &'static str)> {
        const DENIED: &str = "<Error><Code>AccessDenied</Code></Error>";
        const NOT_IMPLEMENTED: &str = "<Error><Code>NotImplemented</Code></Error>";
        let is_conditional = parts.headers.contains_key(IF_MATCH) || parts.headers.contains_key(IF_NONE_MATCH);
        let refuses_conditions = *self.lack.lock().unwrap() == Some(Lack::Refuses);
        let refused = self.refused.lock().unwrap().clone();
        if refused.is_some_and(|(method, end)| parts.method == method && parts.uri.path().ends_with(end)) {
            return Some((StatusCode::FORBIDDEN, DENIED));
        }
        if parts.method == Method::PUT && is_conditional && refuses_conditions {
            return Some((StatusCode::NOT_IMPLEMENTED, NOT_IMPLEMENTED));
        }
        *self.answer.lock().unwrap()
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("school")).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let faults = Arc::new(Faults {
            refusals: AtomicI64::new(0),
            refused_with: std::sync::Mutex::new(StatusCode::SERVICE_UNAVAILABLE),
            upload_limit: AtomicU64::new(u64::MAX),
            cut_answers: AtomicI64::new(0),
            gate: Semaphore::new(1_000_000),
            uploaded: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            strange_keys: std::sync::Mutex::default(),
            answer: std::sync::Mutex::default(),
            refused: std::sync::Mutex::default(),
            lack: std::sync::Mutex::default(),
            turns: RwLock::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bucket = folder.path().join("school");
        let listening = tokio::spawn(listen(listener, service, faults.clone(), bucket));
        Self {
            address,
            faults,
            listening,
            folder,
        }
    }

    pub(super) fn settings(&self, archives: &str) -> StoreSettings {
        let mut settings = StoreSettings::new(archives).unwrap();
        settings.reads_environment = false;
        settings.options = [
            ("aws_endpoint", format!("http://{}", self.address)),
            ("aws_access_key_id", KEY.to_owned()),
            ("aws_secret_access_key", SECRET.to_owned()),
            ("aws_region", "us-east-1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        settings
    }

    /// Parts of uploads that were not completed.
    pub(super) fn parts(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".upload")
            })
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, service: S3Service, faults: Arc<Faults>, bucket: PathBuf) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(serve(connection, service.clone(), faults.clone(), bucket.clone()));
    }
}

async fn serve(connection: TcpStream, service: S3Service, faults: Arc<Faults>, bucket: PathBuf) {
    let answer = hyper::service::service_fn(|request| answer(request, &service, &faults, &bucket));
    // It fails as configured.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(connection), answer)
        .await;
}

/// An error cuts the connection.
async fn answer(
    request: Request<Incoming>,
    service: &S3Service,
    faults: &Faults,
    bucket: &std::path::Path,
) -> Result<Response<ServerBody>, BoxError> {
    faults.requests.fetch_add(1, Ordering::Relaxed);
    let (parts, mut body) = request.into_parts();
    let strange = faults.strange_keys.lock().unwrap().clone();
    let query = parts.uri.query().unwrap_or_default();
    if !strange.is_empty() && query.contains("list-type=2") {
        let body = Full::new(Bytes::from(list(bucket, strange, query))).map_err(|never: Infallible| match never {});
        return Ok(Response::new(body.boxed_unsync()));
    }
    let mut content = Vec::new();
    let permit = match parts.method {
        Method::PUT => Some(faults.gate.acquire().await?),
        _ => None,
    };
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame?.into_data() {
            let uploaded = faults.uploaded.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
            // Deletions have a body, too.
            if parts.method == Method::PUT && uploaded > faults.upload_limit.load(Ordering::Relaxed) {
                return Err("cut".into());
            }
            content.extend_from_slice(&bytes);
        }
    }
    drop(permit);
    if faults.refusals.fetch_sub(1, Ordering::Relaxed) > 0 {
        let status = *faults.refused_with.lock().unwrap();
        let body = Full::new(Bytes::new()).map_err(|never: Infallible| match never {});
        return Ok(Response::builder().status(status).body(body.boxed_unsync())?);
    }
    if let Some((status, body)) = faults.answer_to(&parts) {
        let body = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {});
        return Ok(Response::builder().status(status).body(body.boxed_unsync())?);
    }
    let ignores_conditions = parts.method == Method::PUT && *faults.lack.lock().unwrap() == Some(Lack::Ignores);
    let is_reading = parts.method == Method::GET;
    // Locked until the file is open and its tag was read.
    let turn = match is_reading {
        true => (Some(faults.turns.read().await), None),
        false => (None, Some(faults.turns.write().await)),
    };
    let request = Request::from_parts(parts, s3s::Body::from(content));
    let response = service.call(request).await.map_err(|error| format!("{error:?}"))?;
    drop(turn);
    if ignores_conditions && response.status() == StatusCode::PRECONDITION_FAILED {
        let body = Full::new(Bytes::new()).map_err(|never: Infallible| match never {});
        return Ok(Response::builder().header(ETAG, "\"any\"").body(body.boxed_unsync())?);
    }
    if is_reading && faults.cut_answers.fetch_sub(1, Ordering::Relaxed) > 0 {
        let (parts, body) = response.into_parts();
        let whole = body.collect().await?.to_bytes();
        let half = whole.slice(..whole.len() / 2);
        let frames = [Ok(Frame::data(half)), Err("cut".into())];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        return Ok(Response::from_parts(parts, body.boxed_unsync()));
    }
    Ok(response.map(|body| BodyExt::map_err(body, Into::into).boxed_unsync()))
}

/// A page of a listing (ListObjectsV2). Its tokens are keys.
fn list(bucket: &std::path::Path, strange: Vec<String>, query: &str) -> String {
    let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut keys: BTreeMap<String, (u64, DateTime<Utc>)> =
        strange.into_iter().map(|key| (key, (1, Utc::now()))).collect();
    let mut folders = vec![bucket.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let metadata = path.metadata().unwrap();
            let key = path.strip_prefix(bucket).unwrap().to_str().unwrap().to_owned();
            keys.insert(key, (metadata.len(), metadata.modified().unwrap().into()));
        }
    }
    let of = |name: &str| query.get(name).cloned().unwrap_or_default();
    let after = query
        .get("continuation-token")
        .cloned()
        .unwrap_or_else(|| of("start-after"));
    let limit: usize = query.get("max-keys").map_or(1_000, |keys| keys.parse().unwrap());
    let mut listed = keys
        .iter()
        .filter(|(key, _)| key.starts_with(&of("prefix")) && **key > after)
        .peekable();
    let mut page = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>");
    let mut last = String::new();
    for (key, (size, modified)) in listed.by_ref().take(limit) {
        let escaped: String = key.chars().map(|letter| format!("&#{};", u32::from(letter))).collect();
        let modified = modified.to_rfc3339();
        page += &format!(
            "<Contents><Key>{escaped}</Key><Size>{size}</Size><LastModified>{modified}</LastModified><ETag>{size}</ETag></Contents>"
        );
        last = escaped;
    }
    if listed.peek().is_some() {
        page += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    page + "</ListBucketResult>"
}
