//! A bare socket, for clients that are slow, break rules, or check exactly how a response ends.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{Service, WAIT_LIMIT};

/// A sent request, and its response as far as it was read.
pub struct Wire {
    stream: TcpStream,
    head: String,
    /// Bytes that were read and are not yet part of the body.
    raw: Vec<u8>,
}

/// The end of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    /// A complete body, as HTTP requires.
    Whole(Vec<u8>),
    /// A broken transfer, with the part of the body that arrived.
    Broken(Vec<u8>),
}

impl Ending {
    #[track_caller]
    pub fn whole(self) -> Vec<u8> {
        match self {
            Self::Whole(body) => body,
            Self::Broken(body) => panic!("broken after {} bytes", body.len()),
        }
    }

    #[track_caller]
    pub fn broken(self) -> Vec<u8> {
        match self {
            Self::Broken(body) => body,
            Self::Whole(body) => panic!("ended cleanly after {} bytes", body.len()),
        }
    }
}

impl Wire {
    /// A connection with a small window, so that the system's buffers hold little of a response.
    pub async fn connect(service: &Service) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(service.address().parse().unwrap()).await.unwrap()
    }

    /// Sends a request with these header lines, and reads nothing.
    pub async fn send(service: &Service, method: &str, path: &str, lines: &[&str]) -> Self {
        let mut stream = Self::connect(service).await;
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", service.address());
        for line in lines {
            request += &format!("{line}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        Self {
            stream,
            head: String::new(),
            raw: Vec::new(),
        }
    }

    /// Requests a download and reads only the head of the response, which must be 200.
    pub async fn download(service: &Service, token: &str, path: &str) -> Self {
        let bearer = format!("Authorization: Bearer {token}");
        let mut wire = Self::send(service, "GET", path, &[&bearer]).await;
        let head = wire.head().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        wire
    }

    /// Sends more of the request.
    pub async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads the status line and the headers.
    pub async fn head(&mut self) -> String {
        while self.head.is_empty() {
            if let Some(end) = find(&self.raw, b"\r\n\r\n") {
                self.head = String::from_utf8(self.raw.drain(..end + 4).collect()).unwrap();
            } else if self.more().await == 0 {
                panic!(
                    "the connection ended before the head did: {:?}",
                    String::from_utf8_lossy(&self.raw)
                );
            }
        }
        self.head.clone()
    }

    /// Reads until at least this many bytes of the body have arrived.
    pub async fn read(&mut self, bytes: usize) {
        self.head().await;
        while self.raw.len() < bytes && self.more().await > 0 {}
    }

    /// Reads to the end, whether clean or broken.
    pub async fn ending(mut self) -> Ending {
        let head = self.head().await.to_ascii_lowercase();
        if let Some((_, length)) = head.split_once("content-length: ") {
            let length = length.lines().next().unwrap().parse().unwrap();
            self.read(length).await;
            return match self.raw.len() >= length {
                true => Ending::Whole(self.raw[..length].to_vec()),
                false => Ending::Broken(self.raw),
            };
        }
        assert!(
            head.contains("transfer-encoding: chunked"),
            "a length or chunks: {head}"
        );
        loop {
            match chunks(&self.raw) {
                (true, body) => return Ending::Whole(body),
                (false, body) if self.more_in_large_pieces().await == 0 => return Ending::Broken(body),
                (false, _) => {}
            }
        }
    }

    /// Reads once. Returns 0 if the other side ended or broke the connection.
    async fn more(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        let read = tokio::time::timeout(WAIT_LIMIT, self.stream.read(&mut buffer)).await;
        let read = read.expect("nothing came in time").unwrap_or(0);
        self.raw.extend_from_slice(&buffer[..read]);
        read
    }

    /// Chunks are parsed from the start each time, so many bytes are read before each attempt.
    async fn more_in_large_pieces(&mut self) -> usize {
        let before = self.raw.len();
        let enough = before + (before / 2).max(256 * 1024);
        while self.raw.len() < enough {
            let ended = find(&self.raw[self.raw.len().saturating_sub(5)..], b"0\r\n\r\n").is_some();
            if (ended && self.raw.len() > before) || self.more().await == 0 {
                break;
            }
        }
        self.raw.len() - before
    }
}

/// Whether the last chunk arrived, and the content of all chunks (RFC 9112, section 7.1).
fn chunks(mut raw: &[u8]) -> (bool, Vec<u8>) {
    let mut body = Vec::new();
    while let Some(end) = find(raw, b"\r\n") {
        let size = std::str::from_utf8(&raw[..end]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
        let chunk = &raw[end + 2..];
        if size == 0 {
            return (chunk.starts_with(b"\r\n"), body);
        }
        body.extend_from_slice(&chunk[..chunk.len().min(size)]);
        if chunk.len() < size + 2 {
            break;
        }
        raw = &chunk[size + 2..];
    }
    (false, body)
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
