//! Download links: their form in a URL, their targets, the intent of a request that uses one, and when a link is used up.
//!
//! The URL is the download's own path and query, and `link=` with the token. A link is for one download. A look does not use it
//! up: HEAD, a prefetch, or a browser, which gets a [page](crate::link_page) with a button. A download uses up the link when its
//! first byte is sent, even if the client disconnects. If the service breaks it off, the link stays valid. Ranges of a stored
//! archive share one link, also to resume a broken download, until as many bytes as the file has were sent. A range of the whole
//! file counts as a download.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest};
use campus_backup_domain::account::LinkUse;
use campus_backup_domain::{Error, Result};
use futures_util::Stream;

use crate::middleware::head::is_head;
use crate::problem::{ApiError, Code};

/// The path of live downloads.
pub const DOWNLOADS: &str = "/backup/download/";

/// The path of archives.
pub const ARCHIVES: &str = "/backup/archives/";

/// The path of comparisons.
pub const DIFF: &str = "/backup/diff";

/// The target of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'p> {
    /// A live download by its name.
    Download(&'p str),
    /// The file of an archive.
    File,
    /// A table of an archive.
    Table(&'p str),
    /// The certificate of an archive.
    Certificate,
    /// A comparison as a file.
    Diff,
}

/// The target of a path, if a link can have it. The target need not exist.
pub fn target(path: &str) -> Option<Target<'_>> {
    if let Some(name) = path.strip_prefix(DOWNLOADS) {
        return Some(Target::Download(name));
    }
    if path == DIFF {
        return Some(Target::Diff);
    }
    let mut parts = path.strip_prefix(ARCHIVES)?.split('/');
    match (parts.next()?, parts.next()?, parts.next(), parts.next()) {
        ("", ..) => None,
        (_, "file", None, None) => Some(Target::File),
        (_, "certificate", None, None) => Some(Target::Certificate),
        (_, "download", Some(table), None) => Some(Target::Table(table)),
        _ => None,
    }
}

const PARAMETER: &str = "link";

/// The parameter that starts the download at once, without the page for browsers.
pub const BEGIN: &str = "begin";

/// The intent of a request with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A look at the link.
    Look,
    /// A part of a file, or only the head of the answer.
    Part,
    /// The download.
    Download,
}

impl Intent {
    /// The intent of a request with a link for this target.
    ///
    /// # Errors
    /// 416 for a range of a download that is generated while it is sent.
    pub fn of(request: &HttpRequest, target: Target<'_>) -> std::result::Result<Self, ApiError> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        if is_head(request) {
            return Ok(Self::Part);
        }
        let is_navigation = header("accept").is_some_and(|accepted| accepted.contains("text/html"));
        let is_preview = header("user-agent").is_some_and(makes_previews);
        let has_begun = value(request.query_string(), BEGIN).is_some_and(|begin| begin == "true");
        if is_prefetch(header) || ((is_navigation || is_preview) && !has_begun) {
            return Ok(Self::Look);
        }
        match (header("range"), target) {
            (None, _) => Ok(Self::Download),
            (Some(_), Target::File) => Ok(Self::Part),
            // The whole file, as a range.
            (Some("bytes=0-"), _) => Ok(Self::Download),
            (Some(_), _) => Err(ApiError::new(
                Code::RangeNotSatisfiable,
                "This download is generated while it is sent, so a range is not possible. The link is still valid.",
            )),
        }
    }
}

/// Whether the request is a prefetch (Fetch, `Sec-Purpose`; the others are older names).
fn is_prefetch<'r>(header: impl Fn(&str) -> Option<&'r str>) -> bool {
    let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    let mut purposes = purposes.into_iter().filter_map(header);
    purposes.any(|purpose| {
        ["prefetch", "prerender", "preview"]
            .iter()
            .any(|word| purpose.contains(word))
    })
}

/// Whether the client makes previews of links, by its name. Such clients don't always ask for HTML.
fn makes_previews(user_agent: &str) -> bool {
    const NAMES: [&str; 7] = [
        "bot",
        "crawl",
        "spider",
        "preview",
        "facebookexternalhit",
        "whatsapp",
        "embedly",
    ];
    let user_agent = user_agent.to_ascii_lowercase();
    NAMES.iter().any(|name| user_agent.contains(name))
}

/// The token in a query string.
pub fn token(query: &str) -> Option<String> {
    value(query, PARAMETER)
}

/// Whether a query string has this parameter.
pub fn has(query: &str, name: &str) -> bool {
    value(query, name).is_some()
}

fn value(query: &str, wanted: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
}

/// Path and query without the token: the download of the link.
pub fn path_without_token(path: &str, query: &str) -> String {
    let rest: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !matches!(pair.split('=').next(), Some(PARAMETER | BEGIN)))
        .collect();
    if rest.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", rest.join("&"))
    }
}

/// Path and query with the token.
pub fn path_with_token(path: &str, token: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{PARAMETER}={token}")
}

/// The use of a link, on its way from the guard to the body that completes it.
pub struct Claimed(RefCell<Option<LinkUse>>);

impl Claimed {
    /// A link that was just claimed.
    pub fn new(link_use: LinkUse) -> Self {
        Self(RefCell::new(Some(link_use)))
    }

    /// Takes the use. If it is dropped without being completed, the link stays valid.
    pub fn take(&self) -> Option<LinkUse> {
        self.0.borrow_mut().take()
    }
}

/// The use of the link of a request, if it has one.
///
/// # Errors
/// 422 `invalid_field` for a link together with a bearer token.
pub fn claimed(
    request: &HttpRequest,
    sent: Option<&str>,
    begin: Option<bool>,
) -> std::result::Result<Option<LinkUse>, ApiError> {
    if sent.is_none() && begin.is_some() {
        return Err(ApiError::invalid(BEGIN, "can only be sent with `link`"));
    }
    let link_use = request.extensions().get::<Claimed>().and_then(Claimed::take);
    match sent.is_some() && link_use.is_none() {
        true => Err(ApiError::invalid(
            "link",
            "must not be sent together with a bearer token",
        )),
        false => Ok(link_use),
    }
}

/// The bytes of a download, which use up its link when they are sent. The link stays valid if no byte was sent, or if the service
/// failed to finish.
pub struct ConsumeLinkOnSend<S> {
    bytes: S,
    link_use: Option<LinkUse>,
    /// The size of the file in bytes, if ranges of it are possible.
    size: Option<u64>,
    has_begun: bool,
    has_ended: bool,
    sent: u64,
}

impl<S> ConsumeLinkOnSend<S> {
    /// Bytes that use up this link, if there is one. `size` is the size of a file with ranges.
    pub fn new(bytes: S, link_use: Option<LinkUse>, size: Option<u64>) -> Self {
        Self {
            bytes,
            link_use,
            size,
            has_begun: false,
            has_ended: false,
            sent: 0,
        }
    }

    fn consume(&mut self) {
        let Some(link_use) = self.link_use.take() else { return };
        match self.size {
            Some(size) => link_use.sent(self.sent, size),
            None if self.has_ended => link_use.completed(),
            None => link_use.broken_off(),
        }
    }
}

impl<S> Drop for ConsumeLinkOnSend<S> {
    fn drop(&mut self) {
        if self.has_begun {
            self.consume();
        }
    }
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for ConsumeLinkOnSend<S> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.bytes).poll_next(context));
        match &next {
            Some(Ok(bytes)) => {
                self.has_begun = true;
                self.sent += bytes.len() as u64;
            }
            None => {
                self.has_begun = true;
                self.has_ended = true;
            }
            // The client has broken it off, and not the service.
            Some(Err(Error::Stalled(_) | Error::Gone)) => self.consume(),
            Some(Err(_)) => drop(self.link_use.take()),
        }
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_added_and_removed() {
        for path in [
            "/backup/download/students",
            "/backup/download/all?format=json&bom=false",
        ] {
            let linked = path_with_token(path, "abc");
            let (path_only, query) = linked.split_once('?').unwrap();
            assert_eq!(token(query).as_deref(), Some("abc"));
            assert_eq!(path_without_token(path_only, query), path);
        }
        assert_eq!(token("format=csv"), None);
    }

    #[test]
    fn only_a_download_uses_a_link() {
        use actix_web::test::TestRequest;
        let intent = |target, query: &str, headers: &[(&'static str, &str)]| {
            let request = headers
                .iter()
                .fold(TestRequest::get(), |request, header| request.insert_header(*header));
            let request = request.uri(&format!("/?link=x{query}")).to_http_request();
            Intent::of(&request, target).ok()
        };
        let live = Target::Download("all");
        let browser = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let chrome = (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
        );
        for headers in [
            &[browser][..],
            &[browser, chrome],
            &[("Accept", "*/*"), ("Sec-Purpose", "prefetch")],
            &[("Sec-Purpose", "prefetch;prerender")],
            &[("X-Moz", "prefetch")],
            &[("User-Agent", "facebookexternalhit/1.1"), ("Range", "bytes=0-524287")],
            &[("User-Agent", "WhatsApp/2.23.20.0"), ("Accept", "*/*")],
            &[(
                "User-Agent",
                "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            )],
        ] {
            assert_eq!(intent(live, "", headers), Some(Intent::Look), "{headers:?}");
            assert_eq!(intent(Target::File, "", headers), Some(Intent::Look), "{headers:?}");
        }
        assert_eq!(
            intent(live, "&begin=true", &[("Sec-Purpose", "prefetch")]),
            Some(Intent::Look)
        );
        for headers in [
            &[][..],
            &[("Accept", "*/*"), ("User-Agent", "curl/8.5.0")],
            &[("Range", "bytes=0-")],
        ] {
            assert_eq!(intent(live, "", headers), Some(Intent::Download), "{headers:?}");
        }
        assert_eq!(intent(live, "&begin=true", &[browser, chrome]), Some(Intent::Download));
        assert_eq!(intent(live, "", &[("Range", "bytes=0-0")]), None);
        assert_eq!(intent(Target::File, "", &[("Range", "bytes=0-0")]), Some(Intent::Part));
        assert_eq!(
            intent(Target::File, "&begin=true", &[browser, ("Range", "bytes=7-")]),
            Some(Intent::Part)
        );
    }

    #[test]
    fn links_are_for_downloads_only() {
        for (path, opened) in [
            ("/backup/download/all", Some(Target::Download("all"))),
            ("/backup/archives/x/file", Some(Target::File)),
            ("/backup/archives/x/download/users", Some(Target::Table("users"))),
            ("/backup/archives/x/certificate", Some(Target::Certificate)),
            ("/backup/archives/x/certificate/y", None),
            ("/backup/diff", Some(Target::Diff)),
            ("/backup/diff/", None),
            ("/backup/archives/x", None),
            ("/backup/archives//file", None),
            ("/backup/archives/x/file/y", None),
            ("/backup/archives/x/download/users/y", None),
            ("/backup/jobs", None),
        ] {
            assert_eq!(target(path), opened, "{path}");
        }
    }
}
