//! A server that receives webhooks and pings on loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::LOCATION;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::tls::{self, Connection};

/// How the receiver answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverAnswer {
    Status(u16, &'static str),
    RedirectTo(String),
    /// It reads the request and does not answer.
    Never,
    /// It reads the request, and accepts it when the test says [`Receiver::release`].
    WhenReleased,
}

/// A request that was received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl ReceivedRequest {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The receiver, which runs until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    requests: Mutex<Vec<ReceivedRequest>>,
    answer: Mutex<ReceiverAnswer>,
    released: watch::Sender<bool>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), "http")
    }

    pub async fn with_tls() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), "https")
    }

    fn on(listener: TcpListener, scheme: &'static str) -> Self {
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            answer: Mutex::new(ReceiverAnswer::Status(204, "")),
            released: watch::Sender::new(false),
        });
        Self {
            address: listener.local_addr().unwrap(),
            scheme,
            listening: tokio::spawn(listen(listener, scheme == "https", shared.clone())),
            shared,
        }
    }

    /// The URL with this host.
    pub fn url_of(&self, host: &str, path: &str) -> String {
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }

    pub fn url(&self, path: &str) -> String {
        self.url_of("127.0.0.1", path)
    }

    pub fn answer(&self, answer: ReceiverAnswer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// Accepts the requests that wait for it.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The paths of all requests so far.
    pub fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }

    /// The types of all events that webhooks have brought.
    pub fn events(&self) -> Vec<String> {
        let kind = |request: ReceivedRequest| request.json()["type"].as_str().unwrap().to_owned();
        self.requests().into_iter().map(kind).collect()
    }
}

impl Drop for Receiver {
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
            let service = service_fn(move |request| receive(shared.clone(), request));
            // A client that disconnects is no failure of the test.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

async fn receive(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    shared.requests.lock().unwrap().push(ReceivedRequest {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let answer = shared.answer.lock().unwrap().clone();
    Ok(match answer {
        ReceiverAnswer::Status(status, body) => Response::builder().status(status).body(body.to_owned()),
        ReceiverAnswer::RedirectTo(url) => Response::builder()
            .status(302)
            .header(LOCATION, url)
            .body(String::new()),
        ReceiverAnswer::Never => std::future::pending().await,
        ReceiverAnswer::WhenReleased => {
            let mut released = shared.released.subscribe();
            let _ = released.wait_for(|released| *released).await;
            Response::builder().status(204).body(String::new())
        }
    }
    .unwrap())
}
