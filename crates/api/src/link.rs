//! How a download link looks in a URL: the download's own path and query, and `link=` with its token.

use std::cell::RefCell;

use campus_backup_domain::account::LinkUse;

/// What links can open.
pub const DOWNLOADS: &str = "/backup/download/";

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
}
