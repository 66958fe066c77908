//! An S3 server on loopback, which fails as a test says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use campus_backup_domain::store::StoreSettings;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::service::Setup;
use super::tls::{self, Connection};

const BUCKET: &str = "school";
pub const S3_KEY: &str = "tests";
pub const S3_SECRET: &str = "a secret of the tests";

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type ServerBody = UnsyncBoxBody<Bytes, BoxError>;

/// Work that is done before the server confirms a request.
type Interlude = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What becomes of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3Fault {
    /// Each request is answered with this status.
    Refuses(u16),
    /// Each request is answered with this status and error code.
    RefusesWith(u16, &'static str),
    /// Listings are not permitted.
    RefusesListings,
    /// Deletions are not permitted, as in an immutable bucket.
    RefusesDeletions,
    /// Deletions fail, in a way that the service does not know.
    FailsDeletions,
    /// Uploads of objects with this text in their name fail.
    FailsUploadsOf(&'static str),
    /// Uploads of objects with this text in their name are not permitted, as in a bucket that lets nothing be overwritten.
    RefusesUploadsOf(&'static str),
    /// Requests are not answered.
    NeverAnswers,
    /// Each answer takes this time.
    IsSlow(Duration),
    /// Connections end in the middle of each upload and of each object that is read.
    Cuts,
    /// Connections end in the middle of each upload of an archive.
    CutsUploads,
    /// Connections end in the middle of each archive that is read.
    CutsDownloads,
    /// Archives are stored with a wrong byte.
    DamagesUploads,
}

impl S3Fault {
    fn cuts_uploads(self, is_archive: bool) -> bool {
        self == Self::Cuts || (self == Self::CutsUploads && is_archive)
    }

    fn cuts_downloads(self, is_archive: bool) -> bool {
        self == Self::Cuts || (self == Self::CutsDownloads && is_archive)
    }
}

/// An S3 server, which runs until it is dropped.
pub struct S3 {
    address: SocketAddr,
    scheme: &'static str,
    listening: JoinHandle<()>,
    shared: Arc<Shared>,
}

struct Shared {
    service: S3Service,
    folder: TempDir,
    fault: Mutex<Option<S3Fault>>,
    interlude: Mutex<Option<(Moment, Interlude)>>,
    listings: AtomicUsize,
    requests: AtomicUsize,
}

/// The request after which an interlude runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// An archive was listed.
    Published,
    /// A manifest was removed.
    Deleted,
}

impl S3 {
    pub async fn start() -> Self {
        Self::on("http").await
    }

    /// With the certificate of [`tls`].
    pub async fn with_tls() -> Self {
        Self::on("https").await
    }

    async fn on(scheme: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(S3_KEY, S3_SECRET));
        let shared = Arc::new(Shared {
            service: builder.build(),
            folder,
            fault: Mutex::default(),
            interlude: Mutex::default(),
            listings: AtomicUsize::default(),
            requests: AtomicUsize::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            scheme,
            listening: tokio::spawn(listen(listener, scheme == "https", shared.clone())),
            shared,
        }
    }

    /// Fails in this way from now on.
    pub fn fail(&self, fault: S3Fault) {
        *self.shared.fault.lock().unwrap() = Some(fault);
    }

    /// Works again.
    pub fn recover(&self) {
        *self.shared.fault.lock().unwrap() = None;
    }

    /// How many listings were requested.
    pub fn listings(&self) -> usize {
        self.shared.listings.load(Ordering::Relaxed)
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The address, with this host.
    pub fn endpoint_of(&self, host: &str) -> String {
        format!("{}://{host}:{}", self.scheme, self.address.port())
    }

    pub fn endpoint(&self) -> String {
        self.endpoint_of("127.0.0.1")
    }

    /// The URL of a store in the bucket.
    pub fn url(prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// Runs `interlude` once: after the next archive's manifest is stored, and before the service receives the
    /// response.
    pub fn after_the_next_listing(&self, interlude: impl Future<Output = ()> + Send + 'static) {
        *self.shared.interlude.lock().unwrap() = Some((Moment::Published, Box::pin(interlude)));
    }

    /// Runs `interlude` once: after the next manifest is removed, and before the service receives the response.
    pub fn after_the_next_deletion(&self, interlude: impl Future<Output = ()> + Send + 'static) {
        *self.shared.interlude.lock().unwrap() = Some((Moment::Deleted, Box::pin(interlude)));
    }

    fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", S3_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", S3_SECRET.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Sets this store in the settings of the service.
    pub fn configure(&self, setup: Setup) -> Setup {
        let setup = setup.set("CAMPUS_BACKUP_ARCHIVES", Self::url("archives"));
        self.variables()
            .into_iter()
            .fold(setup, |setup, (name, value)| setup.set(name, value))
    }

    /// The settings of this store.
    pub fn settings(&self) -> StoreSettings {
        let variables = self.variables().map(|(name, value)| (name.to_owned(), value));
        StoreSettings::new(&Self::url("archives"))
            .unwrap()
            .with_options(variables)
    }

    /// The number of objects with this name.
    pub fn objects(&self, name: &str) -> usize {
        std::fs::read_dir(self.folder().join(name)).map_or(0, Iterator::count)
    }

    /// The folder in which the objects of the store of the service are files.
    pub fn folder(&self) -> PathBuf {
        self.folder_of("archives")
    }

    /// The folder in which the objects with this prefix are files.
    pub fn folder_of(&self, prefix: &str) -> PathBuf {
        self.shared.folder.path().join(BUCKET).join(prefix)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, is_encrypted: bool, shared: Arc<Shared>) {
    // The connections end with the listener.
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            let connection: Box<dyn Connection> = match is_encrypted {
                true => match tls::accept(connection).await {
                    Some(connection) => connection,
                    None => return,
                },
                false => Box::new(connection),
            };
            let service = service_fn(move |request| answer(shared.clone(), request));
            // A client that disconnects is no failure of the test.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

/// An error cuts the connection.
async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<ServerBody>, BoxError> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    shared.requests.fetch_add(1, Ordering::Relaxed);
    // With a number after it was encrypted again.
    let is_archive = path.contains("/archive.json") || path.contains("/archive-");
    let is_listing = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
    if is_listing {
        shared.listings.fetch_add(1, Ordering::Relaxed);
    }
    let fault = *shared.fault.lock().unwrap();
    match fault {
        Some(S3Fault::Refuses(status)) => return Ok(refusal(status, "")),
        Some(S3Fault::RefusesWith(status, code)) => return Ok(refusal(status, code)),
        Some(S3Fault::RefusesListings) if is_listing => return Ok(refusal(403, "")),
        Some(S3Fault::RefusesDeletions) if method == Method::DELETE => return Ok(refusal(403, "")),
        Some(S3Fault::FailsDeletions) if method == Method::DELETE => return Ok(refusal(409, "OperationAborted")),
        Some(S3Fault::FailsUploadsOf(name)) if method == Method::PUT && path.contains(name) => {
            return Ok(refusal(400, "EntityTooLarge"));
        }
        Some(S3Fault::RefusesUploadsOf(name)) if method == Method::PUT && path.contains(name) => {
            return Ok(refusal(403, ""));
        }
        Some(S3Fault::NeverAnswers) => std::future::pending().await,
        Some(S3Fault::IsSlow(time)) => tokio::time::sleep(time).await,
        Some(cuts) if method == Method::PUT && cuts.cuts_uploads(is_archive) => {
            let mut body = request.into_body();
            let _ = body.frame().await;
            return Err("cut".into());
        }
        _ => {}
    }
    let answered = shared
        .service
        .call(request.map(s3s::Body::from))
        .await
        .map_err(|error| format!("{error:?}"))?;
    if fault == Some(S3Fault::DamagesUploads) && method == Method::PUT && is_archive {
        damage(&shared.folder.path().join(path.trim_start_matches('/')));
    }
    let moment = match (&method, path.ends_with("/manifest.json")) {
        (&Method::PUT, true) => Some(Moment::Published),
        (&Method::DELETE, true) => Some(Moment::Deleted),
        _ => None,
    };
    let interlude = shared
        .interlude
        .lock()
        .unwrap()
        .take_if(|(when, _)| Some(*when) == moment);
    if let Some((_, interlude)) = interlude {
        interlude.await;
    }
    if method == Method::GET && !is_listing && fault.is_some_and(|fault| fault.cuts_downloads(is_archive)) {
        let (parts, body) = answered.into_parts();
        let whole = body.collect().await?.to_bytes();
        let frames = [Ok(Frame::data(whole.slice(..whole.len() / 2))), Err("cut".into())];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        return Ok(Response::from_parts(parts, body.boxed_unsync()));
    }
    Ok(answered.map(|body| BodyExt::map_err(body, Into::into).boxed_unsync()))
}

fn refusal(status: u16, code: &str) -> Response<ServerBody> {
    let body = match (status, code) {
        (403, "") => "<Error><Code>AccessDenied</Code></Error>".to_owned(),
        (_, "") => String::new(),
        (_, code) => format!("<Error><Code>{code}</Code></Error>"),
    };
    let body = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {});
    Response::builder().status(status).body(body.boxed_unsync()).unwrap()
}

/// Changes a byte in the middle of a file.
pub fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
