//! An S3 server on loopback.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use hyper::Method;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::service::Setup;

const BUCKET: &str = "school";
const KEY: &str = "tests";
const SECRET: &str = "a secret of the tests";

/// Work that is done before the server confirms the next published archive.
type Interlude = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An S3 server, which runs until it is dropped.
pub struct S3 {
    address: SocketAddr,
    listening: JoinHandle<()>,
    folder: TempDir,
    interlude: Arc<Mutex<Option<Interlude>>>,
}

impl S3 {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let interlude = Arc::<Mutex<Option<Interlude>>>::default();
        Self {
            address: listener.local_addr().unwrap(),
            listening: tokio::spawn(listen(listener, builder.build(), interlude.clone())),
            folder,
            interlude,
        }
    }

    /// Runs `interlude` once: after the next archive's manifest is stored, and before the service receives the
    /// response.
    pub fn after_the_next_listing(&self, interlude: impl Future<Output = ()> + Send + 'static) {
        *self.interlude.lock().unwrap() = Some(Box::pin(interlude));
    }

    /// Sets this store in the settings of the service.
    pub fn configure(&self, setup: Setup) -> Setup {
        setup
            .set("CAMPUS_BACKUP_ARCHIVES", format!("s3://{BUCKET}/archives"))
            .set("AWS_ENDPOINT", format!("http://{}", self.address))
            .set("AWS_ACCESS_KEY_ID", KEY)
            .set("AWS_SECRET_ACCESS_KEY", SECRET)
            .set("AWS_REGION", "us-east-1")
    }

    /// The number of objects with this name.
    pub fn objects(&self, name: &str) -> usize {
        std::fs::read_dir(self.folder().join(name)).map_or(0, Iterator::count)
    }

    /// The folder in which the objects are files.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(BUCKET).join("archives")
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, service: S3Service, interlude: Arc<Mutex<Option<Interlude>>>) {
    // The connections end with the listener.
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let (service, interlude) = (service.clone(), interlude.clone());
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let lists = request.method() == Method::PUT && request.uri().path().ends_with("/manifest.json");
            let (answer, interlude) = (Service::call(&service, request), interlude.clone());
            async move {
                let answer = answer.await;
                let interlude = interlude.lock().unwrap().take_if(|_| lists);
                if let Some(interlude) = interlude {
                    interlude.await;
                }
                answer
            }
        });
        connections.spawn(async move {
            // A client that disconnects is no failure of the test.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}
