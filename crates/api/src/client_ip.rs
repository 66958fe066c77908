//! Who is asking: the address of the client, seen through the proxies that are trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::http::header::HOST;
use ipnet::IpNet;

use crate::prefix;

/// The proxies whose `X-Forwarded-For` is believed. Application data of the service.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// The address of the client.
///
/// It is the peer's, unless the peer is a trusted proxy. Then `X-Forwarded-For` is walked from the right, where each
/// proxy adds who asked it, to the first address that is not a trusted proxy. What stands further left was sent by the
/// client and may be made up.
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
        // What can't be read was not written by a proxy that is to be believed; neither is what stands left of it.
        let Some(address) = address(entry) else { break };
        client = address;
        if !proxies.trust(address) {
            break;
        }
    }
    client
}

/// Header fields by which proxies say that they are there.
const OF_PROXIES: [&str; 7] = [
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
];

/// Whether the end of an answer without a length may reach the client although the answer was broken off: HTTP/1.0 has no
/// other end than that of the connection, and there are proxies that end an answer cleanly when the connection to the
/// service breaks. A proxy is believed to be one whatever its address: that costs a spool and nothing else.
pub fn needs_length(request: &HttpRequest) -> bool {
    let of_proxy = |peer: IpAddr| {
        let proxies = request.app_data::<TrustedProxies>();
        proxies.is_some_and(|proxies| proxies.trust(peer.to_canonical()))
    };
    request.version() < Version::HTTP_11
        || OF_PROXIES.iter().any(|name| request.headers().contains_key(*name))
        || request.peer_addr().is_some_and(|peer| of_proxy(peer.ip()))
}

/// Where browsers find the service, without a slash at its end: `public_url`, or else where this request came.
pub fn of_service(public_url: Option<&str>, request: &HttpRequest) -> String {
    public_url.map_or_else(
        || origin(request) + &prefix::forwarded(request).unwrap_or_default(),
        str::to_owned,
    )
}

/// Whether a request has come by a proxy that is believed.
pub(crate) fn came_by_trusted_proxy(request: &HttpRequest) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let proxies = request.app_data::<TrustedProxies>();
    peer.is_some_and(|peer| proxies.is_some_and(|proxies| proxies.trust(peer)))
}

/// Scheme and host that the client asked for, as in `https://school.example`. What `X-Forwarded-Proto` and `X-Forwarded-Host`
/// say is believed of a trusted proxy alone, and of several values the last one, which that proxy has written. `Forwarded` is
/// not read: a proxy that writes the others passes on what a client has put there.
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

/// The host that a request names, if it is one.
fn host_of(request: &HttpRequest) -> Option<&str> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    is_host(host).then_some(host)
}

/// Whether a request names one host, or is of HTTP/1.0 and names none (RFC 9112, section 3.2).
pub fn names_a_host(request: &HttpRequest) -> bool {
    let mut sent = request.headers().get_all(HOST);
    match (sent.next(), sent.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), None) => host_of(request).is_some(),
        (Some(_), Some(_)) => false,
    }
}

/// Whether it is a name or an address, with or without a port. Of what RFC 3986 would also allow in a name, such as `;`, no name
/// has anything, and in a link or a cookie it would mean something.
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

/// An address with or without a port, as proxies write it: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
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
    fn only_a_trusted_proxy_says_where_browsers_find_the_service() {
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
        // What a client has sent stands before it, or in a header that the proxy does not write.
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
    fn a_stranger_is_not_believed() {
        assert_eq!(client("203.0.113.9:1", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn what_stands_left_of_the_client_is_not_believed() {
        assert_eq!(
            client("10.0.0.1:1", &["1.1.1.1, 198.51.100.1, 10.2.2.2"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.0.0.1:1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1:1", &["1.1.1.1, nonsense, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(client("10.0.0.1:1", &["198.51.100.1, "]), "10.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        assert_eq!(client("10.0.0.1:1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1:1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client("[fd00::1]:1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client("[::ffff:10.0.0.1]:1", &["::ffff:198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1:1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1:1", &["10.1.1.1, 10.2.2.2"]), "10.1.1.1");
    }
}
