//! The path prefix of a proxy, such as `/campus` for `location /campus/` of nginx.
//!
//! It is the path of `--public-url`, or else the `X-Forwarded-Prefix` of a trusted proxy. The proxy removes it from the path of a
//! request. The service puts it before its own paths: the header Location, links, the cookie, and `servers` of the API's document. The dashboard and Swagger UI use relative addresses and need nothing.

use actix_web::HttpRequest;
use url::Url;

use crate::client_ip;

const X_FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// The maximum length. A longer one is not genuine.
const LONGEST: usize = 256;

/// The prefix, with a slash at its beginning and none at its end; empty if there is none.
pub fn of(public_url: Option<&str>, request: &HttpRequest) -> String {
    match public_url {
        Some(url) => Url::parse(url).map_or_else(|_| String::new(), |url| url.path().trim_end_matches('/').to_owned()),
        None => forwarded(request).unwrap_or_default(),
    }
}

/// The prefix of a trusted proxy.
pub fn forwarded(request: &HttpRequest) -> Option<String> {
    if !client_ip::came_by_trusted_proxy(request) {
        return None;
    }
    let mut sent = request.headers().get_all(X_FORWARDED_PREFIX);
    let (Some(prefix), None) = (sent.next(), sent.next()) else {
        return None;
    };
    let prefix = prefix.to_str().ok()?.trim_end_matches('/');
    is_path(prefix).then(|| prefix.to_owned())
}

/// Whether it is a path of plain segments, which needs no escaping anywhere.
fn is_path(prefix: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~".contains(letter);
    let is_segment =
        |segment: &str| !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(is_plain);
    let segments = prefix.strip_prefix('/');
    prefix.len() <= LONGEST && segments.is_some_and(|segments| segments.split('/').all(is_segment))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::client_ip::TrustedProxies;

    fn prefix(public_url: Option<&str>, peer: &str, headers: &[&str]) -> String {
        let request = TestRequest::default()
            .app_data(TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]))
            .peer_addr(peer.parse().unwrap());
        let request = headers.iter().fold(request, |request, header| {
            request.append_header((X_FORWARDED_PREFIX, *header))
        });
        of(public_url, &request.to_http_request())
    }

    #[test]
    fn public_url_says_the_path() {
        for (url, expected) in [
            ("https://school.example", ""),
            ("https://school.example/", ""),
            ("https://school.example/campus", "/campus"),
            ("https://school.example/tools/campus", "/tools/campus"),
        ] {
            assert_eq!(prefix(Some(url), "10.0.0.1:1", &["/other"]), expected, "{url}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_sets_the_path() {
        assert_eq!(prefix(None, "10.0.0.1:1", &["/campus"]), "/campus");
        assert_eq!(prefix(None, "10.0.0.1:1", &["/tools/campus/"]), "/tools/campus");
        assert_eq!(prefix(None, "10.0.0.1:1", &[]), "");
        assert_eq!(prefix(None, "203.0.113.9:1", &["/campus"]), "");
        for made_up in [
            "/",
            "",
            "campus",
            "//evil.example",
            "/a//b",
            "/../b",
            "/a\\b",
            "/a?b",
            "/a;b",
            "https://evil.example",
            "/a b",
            &format!("/{}", "x".repeat(LONGEST)),
        ] {
            assert_eq!(prefix(None, "10.0.0.1:1", &[made_up]), "", "{made_up}");
        }
        assert_eq!(prefix(None, "10.0.0.1:1", &["/a", "/b"]), "");
    }
}
