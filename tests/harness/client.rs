//! An HTTP client, and the checks for every response of the service.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A client of the service, with or without a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// How long a connection is kept for the next request. The service closes an idle connection after five seconds. A
/// request that meets the closing would have an unknown outcome (RFC 9112, section 9.5).
const IDLE: Duration = Duration::from_secs(2);

/// One client for all requests of a test. It decodes no content, follows no redirects and uses no proxy.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .pool_idle_timeout(IDLE)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

impl Client {
    pub fn new(http: reqwest::Client, base: String, token: Option<String>) -> Self {
        Self { http, base, token }
    }

    /// The token that this client sends. Only for a signed-in client.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// A request with the token, which the test completes.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn head(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::HEAD, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// Sends a body unchanged, with this content type.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, content_type);
        Answer::of(request.body(body)).await
    }

    /// A download as CSV. Checks the byte order mark, and removes it.
    pub async fn csv(&self, path: &str) -> String {
        let text = self.get(path).await.expect(200).text();
        text.strip_prefix('\u{feff}').expect("a byte order mark").to_owned()
    }

    /// `POST /backup/clear`.
    pub async fn clear(&self, body: &Value) -> Answer {
        self.post("/backup/clear", body).await
    }
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    method: Option<Method>,
}

impl Answer {
    /// Sends a request and reads the response to its end, which must be a clean end.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap()
    }

    /// The same for a connection that may break.
    pub async fn try_of(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let (client, request) = request.build_split();
        let request = request?;
        let method = Some(request.method().clone());
        let response = client.execute(request).await?;
        Ok(Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
            method,
        })
    }

    /// A header as text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks the status, and the properties of every response.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} {:?}", self.summary(), self.headers);
        assert!(!self.header("x-request-id").is_empty(), "no request id: {self:?}");
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
        self
    }

    /// Checks that the response is a problem with this status and code, in the form of all problems. Returns its body.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{}",
            answer.summary()
        );
        if answer.method == Some(Method::HEAD) {
            return Value::Null;
        }
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for member in ["type", "title", "detail"] {
            assert!(
                problem[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member}: {problem}"
            );
        }
        assert_eq!(problem["request_id"], answer.header("x-request-id"), "{problem}");
        let said = answer.text().to_lowercase();
        for inside in [
            "select ",
            "insert into",
            "sqlx",
            "sea_orm",
            "dberr",
            "constraint",
            "panicked",
            ".rs:",
        ] {
            assert!(!said.contains(inside), "`{inside}` has nothing to do in {said}");
        }
        problem
    }

    /// Checks that the response is a refusal that says when to try again, and returns the seconds.
    #[track_caller]
    pub fn expect_retry_after(self, status: u16, code: &str) -> u64 {
        let seconds = self.header("retry-after").parse().expect("Retry-After in seconds");
        assert!(seconds >= 1, "at once is not later");
        self.problem(status, code);
        seconds
    }

    fn summary(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]).into_owned()
    }
}

/// The names in a problem's `errors`, in their order.
pub fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("no errors: {problem}"));
    errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
}
