//! A server that gives the same response to every request, for example in place of a store.

use std::convert::Infallible;
use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::service::Setup;

/// A server that runs until it is dropped.
pub struct Stub {
    address: SocketAddr,
    listening: JoinHandle<()>,
}

impl Stub {
    pub async fn answering(status: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            listening: tokio::spawn(listen(listener, status, body)),
        }
    }

    /// Sets this server as the store of the service.
    pub fn configure(&self, setup: Setup) -> Setup {
        at(setup, self.address)
    }
}

/// Sets a store at this address in the settings of the service.
pub fn at(setup: Setup, address: SocketAddr) -> Setup {
    setup
        .set("CAMPUS_BACKUP_ARCHIVES", "s3://school/archives")
        .set("AWS_ENDPOINT", format!("http://{address}"))
        .set("AWS_ACCESS_KEY_ID", "tests")
        .set("AWS_SECRET_ACCESS_KEY", "secret")
        .set("AWS_REGION", "us-east-1")
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, status: u16, body: &'static str) {
    while let Ok((connection, _)) = listener.accept().await {
        let answer = service_fn(move |_: Request<Incoming>| async move {
            let response = Response::builder().status(status).body(body.to_owned());
            Ok::<_, Infallible>(response.unwrap())
        });
        tokio::spawn(async move {
            // A client that disconnects is no failure of the test.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(connection), answer)
                .await;
        });
    }
}
