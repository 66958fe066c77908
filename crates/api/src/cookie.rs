//! The cookie with which the dashboard's page goes on after a reload (RFC 6265): no script can read it, no other site makes a
//! browser send it, it is sent to one path alone, and it is gone with the browser.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use url::Url;

/// Its name.
pub const NAME: &str = "campus_backup_session";

/// The path that it is sent to.
const PATH: &str = "/auth/session";

/// What a request sent, if anything.
pub fn of(request: &HttpRequest) -> Option<String> {
    request.cookie(NAME).map(|cookie| cookie.value().to_owned())
}

/// One with a token, for a service that browsers find at that address.
pub fn with(token: String, service: &str) -> Cookie<'static> {
    // A request may name any host.
    let url = Url::parse(service).ok();
    let above = url.as_ref().map_or("", |url| url.path().trim_end_matches('/'));
    Cookie::build(NAME, token)
        .path(format!("{above}{PATH}"))
        .secure(url.as_ref().is_some_and(|url| url.scheme() == "https"))
        .http_only(true)
        .same_site(SameSite::Strict)
        .finish()
}

/// What makes a browser forget it.
pub fn without(service: &str) -> Cookie<'static> {
    let mut cookie = with(String::new(), service);
    cookie.set_max_age(time::Duration::ZERO);
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sent_where_browsers_find_the_service_and_nowhere_else() {
        for (service, expected) in [
            ("http://localhost:8080", "HttpOnly; SameSite=Strict; Path=/auth/session"),
            ("http://ho st", "HttpOnly; SameSite=Strict; Path=/auth/session"),
            (
                "https://school.example",
                "HttpOnly; SameSite=Strict; Secure; Path=/auth/session",
            ),
            (
                "https://school.example/tools",
                "HttpOnly; SameSite=Strict; Secure; Path=/tools/auth/session",
            ),
        ] {
            let set = with("x".to_owned(), service).to_string();
            assert_eq!(set, format!("campus_backup_session=x; {expected}"));
            let gone = without(service).to_string();
            assert!(gone.starts_with("campus_backup_session=; "), "{gone}");
            assert!(gone.contains(expected) && gone.contains("Max-Age=0"), "{gone}");
        }
    }
}
