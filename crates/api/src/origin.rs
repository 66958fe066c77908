//! The pages that may use the session's cookie: pages of the service itself and of the origins in the settings.
//!
//! `SameSite` keeps other sites from sending the cookie. A listed origin of another site needs `None`, so the origin of each request
//! with the cookie is checked, as in OWASP's Cross-Site Request Forgery Prevention and Go's `net/http`: by `Sec-Fetch-Site`, which
//! no page can forge, or by `Origin` if the browser does not send it.

use actix_web::HttpRequest;
use actix_web::cookie::SameSite;
use actix_web::http::header::{HOST, ORIGIN};
use url::Url;

use crate::problem::{ApiError, Code};

/// The origin of the page that sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOrigin {
    /// The service's own origin, or no page at all.
    Own,
    /// A listed origin of the same site.
    SameSite,
    /// A listed origin of another site.
    CrossSite,
}

impl PageOrigin {
    /// The origin of a request. `origins` are the listed ones of the settings.
    ///
    /// # Errors
    /// 403 if the origin is not listed.
    pub fn of(request: &HttpRequest, origins: &[String], service: &str) -> Result<Self, ApiError> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let site = header("sec-fetch-site");
        let origin = header(ORIGIN.as_str());
        if matches!(site, Some("same-origin" | "none")) || (site.is_none() && origin.is_none()) {
            return Ok(Self::Own);
        }
        if origin.is_some_and(|origin| origins.iter().any(|listed| listed == origin)) {
            return Ok(match site {
                Some("same-site") => Self::SameSite,
                _ => Self::CrossSite,
            });
        }
        let hosts = [header(HOST.as_str()), header("x-forwarded-host")].map(|host| host.map(str::to_owned));
        let own = hosts.into_iter().flatten().chain(authority(service));
        let is_own = origin
            .and_then(authority)
            .is_some_and(|origin| own.into_iter().any(|own| own == origin));
        match site.is_none() && is_own {
            true => Ok(Self::Own),
            false => Err(ApiError::new(
                Code::Forbidden,
                "A page of another origin may not use the session. `--cors-origins` lists those that may. Behind a proxy, \
                 `--public-url` or the header X-Forwarded-Host says what the origin of the service is.",
            )),
        }
    }

    /// The `SameSite` attribute with which a browser sends the cookie for such a page.
    pub fn same_site(self) -> SameSite {
        match self {
            Self::Own | Self::SameSite => SameSite::Strict,
            Self::CrossSite => SameSite::None,
        }
    }
}

/// Host and port, as in the header Host.
fn authority(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn from(headers: &[(&'static str, &str)]) -> Option<PageOrigin> {
        let request = headers
            .iter()
            .fold(TestRequest::post(), |request, header| request.insert_header(*header));
        let request = request
            .insert_header(("Host", "backup.school.example"))
            .to_http_request();
        let listed = [
            "https://app.school.example".to_owned(),
            "https://other.example".to_owned(),
        ];
        PageOrigin::of(&request, &listed, "https://backup.school.example").ok()
    }

    #[test]
    fn own_pages_and_programs_may_use_the_session() {
        for headers in [
            &[][..],
            &[
                ("Sec-Fetch-Site", "same-origin"),
                ("Origin", "https://backup.school.example"),
            ],
            &[("Sec-Fetch-Site", "none")],
            &[("Origin", "https://backup.school.example")],
            // A proxy may speak HTTP with the service.
            &[("Origin", "http://backup.school.example")],
            &[("Origin", "https://seen.example"), ("X-Forwarded-Host", "seen.example")],
        ] {
            assert_eq!(from(headers), Some(PageOrigin::Own), "{headers:?}");
        }
    }

    #[test]
    fn listed_origins_may_use_the_session() {
        let same_site = [
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "https://app.school.example"),
        ];
        assert_eq!(from(&same_site), Some(PageOrigin::SameSite));
        let cross_site = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://other.example")];
        assert_eq!(from(&cross_site), Some(PageOrigin::CrossSite));
        assert_eq!(from(&cross_site[1..]), Some(PageOrigin::CrossSite));
    }

    #[test]
    fn other_origins_are_refused() {
        for headers in [
            &[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")][..],
            &[
                ("Sec-Fetch-Site", "same-site"),
                ("Origin", "https://else.school.example"),
            ],
            // Another port of the same host is another origin of the same site.
            &[
                ("Sec-Fetch-Site", "same-site"),
                ("Origin", "https://backup.school.example:8443"),
            ],
            &[("Sec-Fetch-Site", "cross-site")],
            &[("Origin", "https://evil.example")],
            &[("Origin", "https://backup.school.example.evil.example")],
            &[("Origin", "null")],
        ] {
            assert_eq!(from(headers), None, "{headers:?}");
        }
    }
}
