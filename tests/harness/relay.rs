//! A relay between the service and its database server, which can lose a commit or the reply to it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use super::scratch::Scratch;

const COMMIT: &[u8] = b"COMMIT";

/// What is lost when the connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The commit. The server rolls back.
    Commit,
    /// The reply. The server has committed.
    Reply,
}

/// The connection to break: the next one that commits a transaction in which it has sent this text.
#[derive(Clone)]
struct Break {
    text: String,
    lost: Lost,
}

/// A relay that runs until it is dropped.
pub struct Relay {
    url: String,
    next: Arc<Mutex<Option<Break>>>,
    listening: JoinHandle<()>,
}

impl Relay {
    /// A relay to the server of a database.
    pub async fn before(scratch: &Scratch) -> Self {
        let mut url = Url::parse(scratch.url()).unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let next = Arc::default();
        Self {
            url: url.into(),
            listening: tokio::spawn(listen(listener, server, Arc::clone(&next))),
            next,
        }
    }

    /// The address of the database through this relay.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Breaks the next connection that commits a transaction in which it has sent this text.
    pub fn lose(&self, lost: Lost, text: &str) {
        let text = text.to_owned();
        *self.next.lock().unwrap() = Some(Break { text, lost });
    }

    /// Whether the connection was broken.
    pub fn has_lost(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, server: (String, u16), next: Arc<Mutex<Option<Break>>>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect((server.0.as_str(), server.1)).await else {
            continue;
        };
        tokio::spawn(relay(client, server, Arc::clone(&next)));
    }
}

/// Copies in both directions until one side ends, or the connection is to be broken.
async fn relay(mut client: TcpStream, mut server: TcpStream, next: Arc<Mutex<Option<Break>>>) -> std::io::Result<()> {
    let (mut sent, mut received) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    // What the client has sent since its last commit.
    let mut transaction = Vec::new();
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let bytes = &sent[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                transaction.extend_from_slice(bytes);
                if has(bytes, COMMIT) {
                    match break_of(&next, &transaction) {
                        Some(Lost::Commit) => return Ok(()),
                        Some(Lost::Reply) => {
                            server.write_all(bytes).await?;
                            return server.readable().await;
                        }
                        None => transaction.clear(),
                    }
                }
                server.write_all(bytes).await?;
            }
            read = server.read(&mut received) => {
                let bytes = &received[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}

/// Whether this transaction is the one to break, which then is done.
fn break_of(next: &Mutex<Option<Break>>, transaction: &[u8]) -> Option<Lost> {
    next.lock()
        .unwrap()
        .take_if(|next| has(transaction, next.text.as_bytes()))
        .map(|next| next.lost)
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
