//! How a download link looks in a URL: the download's own path and query, and `link=` with its token; what links can
//! open; and when a link is spent.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest};
use campus_backup_domain::Result;
use campus_backup_domain::account::LinkUse;
use futures_util::Stream;

use crate::problem::ApiError;

/// Where live downloads are.
pub const DOWNLOADS: &str = "/backup/download/";

/// Where archives are.
pub const ARCHIVES: &str = "/backup/archives/";

/// Where comparisons are.
pub const DIFF: &str = "/backup/diff";

/// What a link can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'p> {
    /// The live download of that name.
    Download(&'p str),
    /// The file of an archive.
    File,
    /// A table of an archive.
    Table(&'p str),
    /// A comparison as a file.
    Diff,
}

/// What the path of a link would open, if anything. Whether it is there is not looked at.
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
        (_, "download", Some(table), None) => Some(Target::Table(table)),
        _ => None,
    }
}

const PARAMETER: &str = "link";

/// The token in a query string.
pub fn token(query: &str) -> Option<String> {
    value(query, PARAMETER)
}

/// Whether a query string has a parameter of that name.
pub fn has(query: &str, name: &str) -> bool {
    value(query, name).is_some()
}

fn value(query: &str, wanted: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
}

/// Path and query without the token: what the link was made for.
pub fn path_without_token(path: &str, query: &str) -> String {
    let rest: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(PARAMETER))
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

    /// Takes it. Whoever lets it go without completing it gives the link back.
    pub fn take(&self) -> Option<LinkUse> {
        self.0.borrow_mut().take()
    }
}

/// The link that a request has come by, if it has come by one. One that was sent together with a token was not claimed.
///
/// # Errors
/// 422 `invalid_field` for such a one.
pub fn claimed(request: &HttpRequest, sent: Option<&str>) -> std::result::Result<Option<LinkUse>, ApiError> {
    let link_use = request.extensions().get::<Claimed>().and_then(Claimed::take);
    match sent.is_some() && link_use.is_none() {
        true => Err(ApiError::invalid(
            "link",
            "must not be sent together with a bearer token",
        )),
        false => Ok(link_use),
    }
}

/// Bytes on their way out, and the link that they spend: a link is given back only if the service could not finish what
/// it had begun, or had not begun at all.
pub struct Spending<S> {
    bytes: S,
    link_use: Option<LinkUse>,
    begun: bool,
}

impl<S> Spending<S> {
    /// Bytes that spend this link, if there is one.
    pub fn new(bytes: S, link_use: Option<LinkUse>) -> Self {
        Self {
            bytes,
            link_use,
            begun: false,
        }
    }
}

impl<S> Drop for Spending<S> {
    fn drop(&mut self) {
        if self.begun
            && let Some(link_use) = self.link_use.take()
        {
            link_use.completed();
        }
    }
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for Spending<S> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.bytes).poll_next(context));
        match &next {
            Some(Ok(_)) | None => self.begun = true,
            Some(Err(_)) => drop(self.link_use.take()),
        }
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_in_and_comes_out() {
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
    fn links_open_downloads_and_nothing_else() {
        for (path, opened) in [
            ("/backup/download/all", Some(Target::Download("all"))),
            ("/backup/archives/x/file", Some(Target::File)),
            ("/backup/archives/x/download/users", Some(Target::Table("users"))),
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
