//! A client with very little cost: bare sockets, a prepared request, and answers that are counted and dropped. On two
//! cores the client takes its processor time from the service.
//!
//! It knows only the part of HTTP that the service's answers use.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::TcpStream;

/// A connection that is kept for many requests of one kind.
pub(crate) struct Connection {
    stream: TcpStream,
    request: String,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: &str, token: &str, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: request(address, token, path, "keep-alive"),
            answer: vec![0; 64 * 1024],
        })
    }

    /// Asks once and waits for the whole answer, which must be a success with a `Content-Length`.
    pub(crate) fn ask(&mut self) -> Result<()> {
        self.stream.write_all(self.request.as_bytes())?;
        let (mut filled, mut expected) = (0, None);
        while expected.is_none_or(|expected| filled < expected) {
            let space = self
                .answer
                .get_mut(filled..)
                .filter(|space| !space.is_empty())
                .ok_or_else(|| Error::other("an answer that is too long"))?;
            let read = self.stream.read(space)?;
            if read == 0 {
                return Err(Error::other("the service hung up"));
            }
            filled += read;
            if expected.is_none() {
                expected = length(self.answer.get(..filled).unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

/// Sends JSON and returns the JSON of the answer, which must be a success.
pub(crate) fn post(address: &str, token: &str, path: &str, json: &str) -> Result<serde_json::Value> {
    let mut stream = TcpStream::connect(address)?;
    let length = json.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    succeeded(&answer)?;
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let body = body.and_then(|head| answer.get(head + 4..)).unwrap_or_default();
    Ok(serde_json::from_slice(body)?)
}

/// Downloads, drops the bytes, and checks that the service has marked the end.
pub(crate) fn download(address: &str, token: &str, path: &str) -> Result<()> {
    const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request(address, token, path, "close").as_bytes())?;
    let mut piece = vec![0; 256 * 1024];
    let (mut is_first, mut end) = (true, Vec::new());
    loop {
        let read = stream.read(&mut piece)?;
        let bytes = piece.get(..read).unwrap_or_default();
        if is_first {
            succeeded(bytes)?;
            is_first = false;
        }
        if read == 0 {
            break;
        }
        end.extend_from_slice(bytes.get(read.saturating_sub(LAST_CHUNK.len())..).unwrap_or_default());
        end.drain(..end.len().saturating_sub(LAST_CHUNK.len()));
    }
    if end == LAST_CHUNK {
        Ok(())
    } else {
        Err(Error::other("the download was broken off"))
    }
}

fn request(address: &str, token: &str, path: &str, connection: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: {connection}\r\n\r\n"
    )
}

fn succeeded(answer: &[u8]) -> Result<()> {
    if answer.starts_with(b"HTTP/1.1 20") {
        Ok(())
    } else {
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        Err(Error::other(format!(
            "the service answered {:?}",
            String::from_utf8_lossy(line)
        )))
    }
}

/// The length of the answer with its head, once the head is complete.
fn length(answer: &[u8]) -> Result<Option<usize>> {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    succeeded(answer)?;
    let text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default()).to_ascii_lowercase();
    let body: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| Error::other("an answer without a length"))?;
    Ok(Some(head + 4 + body))
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn response_length_is_read_from_its_header() {
        assert!(length(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n").unwrap(), None);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(length(answer).unwrap(), Some(answer.len()));
    }
}
