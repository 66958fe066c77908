//! The cookie that keeps the dashboard's session after a reload (RFC 6265). No script can read it, no other site can make a browser
//! send it, and it ends with the browser.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use url::Url;

/// The name by plain HTTP. By https it has a prefix, so that browsers accept it only from this service.
pub const NAME: &str = "campus_backup_session";

/// The path of the requests that have it.
const PATH: &str = "/auth/session";

/// The name and the attributes of the cookie.
struct Scope {
    name: String,
    path: String,
    is_secure: bool,
}

impl Scope {
    /// The ones for a service with this address. By https at the root of a host, no other host of the domain can set it (`__Host-`
    /// requires the root path). By https under a path, it can't be set by plain HTTP (`__Secure-`).
    fn of(service: &str) -> Self {
        let url = Url::parse(service).ok();
        let above = url.as_ref().map_or("", |url| url.path().trim_end_matches('/'));
        let is_secure = url.as_ref().is_some_and(|url| url.scheme() == "https");
        let (prefix, path) = match (is_secure, above.is_empty()) {
            (true, true) => ("__Host-", "/".to_owned()),
            (true, false) => ("__Secure-", format!("{above}{PATH}")),
            (false, _) => ("", format!("{above}{PATH}")),
        };
        Self {
            name: format!("{prefix}{NAME}"),
            path,
            is_secure,
        }
    }
}

/// The cookie's value in a request, if it has one.
pub fn of(request: &HttpRequest, service: &str) -> Option<String> {
    let cookie = request.cookie(&Scope::of(service).name)?;
    Some(cookie.value().to_owned())
}

/// A cookie with a token, for a service with this address.
pub fn with(token: String, service: &str) -> Cookie<'static> {
    let scope = Scope::of(service);
    Cookie::build(scope.name, token)
        .path(scope.path)
        .secure(scope.is_secure)
        .http_only(true)
        .same_site(SameSite::Strict)
        .finish()
}

/// The expired cookie that deletes it.
pub fn without(service: &str) -> Cookie<'static> {
    let mut cookie = with(String::new(), service);
    cookie.set_max_age(time::Duration::ZERO);
    cookie
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn cookie_is_sent_only_to_the_path_of_the_service() {
        for (service, name, expected) in [
            (
                "http://localhost:8080",
                "campus_backup_session",
                "HttpOnly; SameSite=Strict; Path=/auth/session",
            ),
            (
                "http://ho st",
                "campus_backup_session",
                "HttpOnly; SameSite=Strict; Path=/auth/session",
            ),
            (
                "https://school.example",
                "__Host-campus_backup_session",
                "HttpOnly; SameSite=Strict; Secure; Path=/",
            ),
            (
                "https://school.example/tools",
                "__Secure-campus_backup_session",
                "HttpOnly; SameSite=Strict; Secure; Path=/tools/auth/session",
            ),
        ] {
            let set = with("x".to_owned(), service).to_string();
            assert_eq!(set, format!("{name}=x; {expected}"));
            let gone = without(service).to_string();
            assert!(gone.starts_with(&format!("{name}=; ")), "{gone}");
            assert!(gone.contains(expected) && gone.contains("Max-Age=0"), "{gone}");
            let request = TestRequest::default().insert_header(("Cookie", format!("{name}=x; other=y")));
            assert_eq!(of(&request.to_http_request(), service).as_deref(), Some("x"));
        }
        // Any host of the domain can set a name without the prefix.
        let request = TestRequest::default().insert_header(("Cookie", format!("{NAME}=x")));
        assert_eq!(of(&request.to_http_request(), "https://school.example"), None);
    }
}
