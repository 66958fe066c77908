//! The address of the client, found through trusted proxies, and the address that the client uses for the service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::http::header::HOST;
use ipnet::IpNet;

use crate::prefix;

/// The proxies whose `X-Forwarded-For` is trusted. Application data of the service.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// The address of the client.
///
/// It is the peer's address, unless the peer is a trusted proxy. Each proxy appends the address of its own client to `X-Forwarded-For`.
/// So the header is read from the right to the first address that is not a trusted proxy. Values further left were sent by the
/// client and may be false.
pub fn client_address(request: &HttpRequest) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let Some(proxies) = request.app_data::<TrustedProxies>() else {
        return peer;
    };
    if !proxies.trust(peer) {
        return peer;
    }
    let headers: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    let mut client = peer;
    for entry in headers.iter().rev().flat_map(|header| header.rsplit(',')) {
        // A trusted proxy would not write an unreadable value. Values left of it are not trusted either.
        let Some(address) = address(entry) else { break };
        client = address;
        if !proxies.trust(address) {
            break;
        }
    }
    client
}

/// Header fields that show that a request passed a proxy.
const OF_PROXIES: [&str; 7] = [
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
];

/// Whether a client could take a broken answer without a length for a complete one. In HTTP/1.0 an answer ends with the connection,
/// and some proxies end an answer cleanly when the connection to the service breaks. Here every proxy counts, also an untrusted one:
/// the only cost is a spooled file.
pub fn needs_length(request: &HttpRequest) -> bool {
    let of_proxy = |peer: IpAddr| {
        let proxies = request.app_data::<TrustedProxies>();
        proxies.is_some_and(|proxies| proxies.trust(peer.to_canonical()))
    };
    request.version() < Version::HTTP_11
        || OF_PROXIES.iter().any(|name| request.headers().contains_key(*name))
        || request.peer_addr().is_some_and(|peer| of_proxy(peer.ip()))
}

/// The address of the service for browsers, without a slash at its end: `public_url`, or else the one of this request.
pub fn of_service(public_url: Option<&str>, request: &HttpRequest) -> String {
    public_url.map_or_else(
        || origin(request) + &prefix::forwarded(request).unwrap_or_default(),
        str::to_owned,
    )
}

/// Whether a request came through a trusted proxy.
pub(crate) fn came_by_trusted_proxy(request: &HttpRequest) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let proxies = request.app_data::<TrustedProxies>();
    peer.is_some_and(|peer| proxies.is_some_and(|proxies| proxies.trust(peer)))
}

/// Scheme and host of the client's request, as in `https://school.example`. `X-Forwarded-Proto` and `X-Forwarded-Host` are read only
/// from a trusted proxy. Of several values the last counts, because that proxy has written it. `Forwarded` is not read: a proxy
/// that writes the other headers passes on the client's `Forwarded`.
fn origin(request: &HttpRequest) -> String {
    let is_from_proxy = came_by_trusted_proxy(request);
    let forwarded = |name: &str| {
        let written = request.headers().get_all(name).next_back()?.to_str().ok()?;
        let last = written.rsplit(',').next()?.trim();
        (is_from_proxy && !last.is_empty()).then_some(last)
    };
    let scheme = match forwarded("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let host = forwarded("x-forwarded-host").filter(|host| is_host(host));
    let host = host.or_else(|| host_of(request)).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// The valid host of a request, if it has one.
fn host_of(request: &HttpRequest) -> Option<&str> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    is_host(host).then_some(host)
}

/// Whether a request has exactly one valid host, or none in HTTP/1.0 (RFC 9112, section 3.2).
pub fn names_a_host(request: &HttpRequest) -> bool {
    let mut sent = request.headers().get_all(HOST);
    match (sent.next(), sent.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), None) => host_of(request).is_some(),
        (Some(_), Some(_)) => false,
    }
}

/// Whether it is a name or an address, with or without a port. Other characters that RFC 3986 allows in a name, such as `;`, occur in
/// no real name and have a meaning in links and cookies.
fn is_host(text: &str) -> bool {
    const LONGEST: usize = 255 + ":65535".len();
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, "")) => return address.parse::<Ipv6Addr>().is_ok(),
        Some((address, port)) => match address.parse::<Ipv6Addr>() {
            Ok(_) => ("[]", port.strip_prefix(':')),
            Err(_) => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => return text.len() <= LONGEST && is_name(text),
        },
    };
    let is_port = port.is_some_and(|port| !port.starts_with('+') && port.parse::<u16>().is_ok());
    text.len() <= LONGEST && is_port && (host == "[]" || is_name(host))
}

fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

impl TrustedProxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address with or without a port, in the forms that proxies write: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry
        .strip_prefix('[')
        .and_then(|entry| entry.strip_suffix(']'))
        .unwrap_or(entry);
    let parsed = bare.parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| Some(entry.parse::<std::net::SocketAddr>().ok()?.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut request = TestRequest::default()
            .app_data(TrustedProxies(trusted.to_vec()))
            .peer_addr(peer.parse().unwrap());
        for header in forwarded {
            request = request.append_header(("X-Forwarded-For", *header));
        }
        client_address(&request.to_http_request()).to_string()
    }

    #[test]
    fn hosts_are_names_or_addresses_with_or_without_a_port() {
        for host in [
            "school.example",
            "school.example:8443",
            "localhost:1",
            "campus_backup:8080",
            "192.0.2.1:65535",
            "[2001:db8::1]",
            "[::1]:8080",
            "xn--bcher-kva.example.",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "a:",
            "a:b",
            "a:+1",
            "a:65536",
            "a:1:2",
            "a/x",
            "a/x;Domain=b",
            "a;Domain=b",
            "a b",
            "a,b",
            "u@a",
            "a%2fb",
            "a\"b",
            "bücher.example",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[a]",
            "::1",
            &"a".repeat(262),
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_sets_the_address_of_the_service() {
        let origin_of = |peer: &str, headers: &[(&'static str, &str)]| {
            let mut request = TestRequest::default()
                .app_data(TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]))
                .peer_addr(format!("{peer}:1").parse().unwrap());
            for header in headers {
                request = request.append_header(*header);
            }
            origin(&request.to_http_request())
        };
        let asked = [("Host", "inside.example:8080")];
        let forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "school.example")];
        let all = [&asked[..], &forwarded].concat();
        assert_eq!(origin_of("203.0.113.9", &all), "http://inside.example:8080");
        assert_eq!(origin_of("10.0.0.1", &all), "https://school.example");
        assert_eq!(origin_of("10.0.0.1", &asked), "http://inside.example:8080");
        // The client's values stand before the proxy's, or in a header that the proxy does not write.
        let sent = [
            ("Forwarded", "host=evil.example;proto=http"),
            ("X-Forwarded-Host", "evil.example"),
        ];
        assert_eq!(
            origin_of("10.0.0.1", &[&sent[..], &all].concat()),
            "https://school.example"
        );
        let appended = [("X-Forwarded-Host", "evil.example, school.example")];
        let appended = [&asked[..], &appended].concat();
        assert_eq!(origin_of("10.0.0.1", &appended), "http://school.example");
        let no_host = [&asked[..], &[("X-Forwarded-Host", "a/x;Domain=b")]].concat();
        assert_eq!(origin_of("10.0.0.1", &no_host), "http://inside.example:8080");
        assert_eq!(
            origin_of("203.0.113.9", &[("Host", "a/x;Domain=b")]),
            "http://localhost"
        );
    }

    #[test]
    fn answer_through_a_proxy_needs_a_length() {
        let request = || {
            TestRequest::default()
                .app_data(TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]))
                .peer_addr("203.0.113.9:1".parse().unwrap())
        };
        let needs = |request: TestRequest| needs_length(&request.to_http_request());
        assert!(!needs(request()));
        assert!(needs(request().insert_header(("Via", "1.1 proxy"))));
        assert!(needs(request().insert_header(("X-Forwarded-For", "198.51.100.1"))));
        assert!(needs(request().insert_header(("Forwarded", "for=198.51.100.1"))));
        assert!(needs(request().peer_addr("10.1.2.3:1".parse().unwrap())));
        assert!(needs(request().version(Version::HTTP_10)));
    }

    #[test]
    fn untrusted_peer_is_ignored() {
        assert_eq!(client("203.0.113.9:1", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn values_left_of_the_client_are_ignored() {
        assert_eq!(
            client("10.0.0.1:1", &["1.1.1.1, 198.51.100.1, 10.2.2.2"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.0.0.1:1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1:1", &["1.1.1.1, nonsense, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(client("10.0.0.1:1", &["198.51.100.1, "]), "10.0.0.1");
    }

    #[test]
    fn trusted_proxy_is_used() {
        assert_eq!(client("10.0.0.1:1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1:1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client("[fd00::1]:1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client("[::ffff:10.0.0.1]:1", &["::ffff:198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1:1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1:1", &["10.1.1.1, 10.2.2.2"]), "10.1.1.1");
    }
}
