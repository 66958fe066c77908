//! Which addresses webhooks, pings and [destinations](crate::destination) may connect to.
//!
//! A URL of an administrator must not reach what only the machine of the service can reach: its own services on loopback,
//! link-local addresses, and the metadata servers of clouds, which give out credentials. Private networks are allowed,
//! because a school has servers of its own there. The check happens when a URL is saved and again at each connection, on the
//! very addresses that are connected to, so a name whose address changes in between does not get around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::error::{Error, Result};

/// The largest URL.
const MAX_URL: usize = 2_000;

/// How long the name of a server may take to be resolved.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether webhooks, pings and destinations may connect to addresses of the machine itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalTargets {
    /// They may not.
    #[default]
    Refused,
    /// They may, as a setting says.
    Allowed,
}

/// Why an address is refused, as the rest of a sentence after it.
pub(crate) const LOCAL: &str = "belongs to the machine of the service or to its nearest network, so it is refused; \
                                --allow-local-targets (CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS) allows it";

/// Checks the form of a URL: http or https, a host, and no credentials.
///
/// # Errors
/// [`Error::Invalid`] with the field `url`.
pub(super) fn parse(url: &str) -> Result<Url> {
    let invalid = |problem: &str| Error::Invalid {
        field: "url",
        problem: problem.to_owned(),
    };
    let parsed = Url::parse(url).map_err(|_| invalid("must be an address such as https://school.example/hook"))?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err(invalid("must be an address of http or https"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(invalid("must not have a user name or a password in it"));
    }
    if parsed.fragment().is_some() || parsed.as_str().len() > MAX_URL {
        return Err(invalid("must have at most 2,000 characters and no `#`"));
    }
    Ok(parsed)
}

/// Checks the addresses of a URL's host, as they are now.
///
/// # Errors
/// The problem, as a sentence.
pub(crate) async fn check(url: &Url, local: LocalTargets) -> Result<(), String> {
    let addresses: Vec<IpAddr> = match url.host() {
        None => return Err("The address has no host.".to_owned()),
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain(name)) => {
            let port = url.port_or_known_default().unwrap_or_default();
            let unknown = || format!("The name `{name}` can't be resolved.");
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((name, port))).await;
            let found = found.map_err(|_| unknown())?.map_err(|_| unknown())?;
            found.map(|address| address.ip()).collect()
        }
    };
    match addresses.iter().find(|address| !is_allowed(**address, local)) {
        Some(address) => Err(format!("The address {address} {LOCAL}.")),
        None if addresses.is_empty() => Err("The name has no address.".to_owned()),
        None => Ok(()),
    }
}

/// Whether webhooks, pings and destinations may connect to an address.
pub(crate) fn is_allowed(address: IpAddr, local: LocalTargets) -> bool {
    local == LocalTargets::Allowed
        || match address {
            IpAddr::V4(address) => !is_local_v4(address),
            IpAddr::V6(address) => !is_local_v6(address),
        }
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    /// Servers of clouds that give out credentials at an address that is not link-local: Azure, Alibaba, Oracle.
    const METADATA: [Ipv4Addr; 3] = [
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    let first = address.octets()[0];
    // 0.0.0.0/8 is this host (RFC 6890), 240.0.0.0/4 is reserved and has the broadcast address.
    first == 0
        || first >= 240
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || METADATA.contains(&address)
}

fn is_local_v6(address: Ipv6Addr) -> bool {
    /// The metadata server of AWS.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let segments = address.segments();
    let is_link_local = segments[0] & 0xffc0 == 0xfe80;
    let is_site_local = segments[0] & 0xffc0 == 0xfec0;
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || is_link_local
        || is_site_local
        || address == METADATA
        || embedded_v4(segments).is_some_and(is_local_v4)
}

/// The IPv4 address in an IPv6 address: mapped and compatible ones (RFC 4291), those of NAT64 (RFC 6052) and of 6to4 (RFC
/// 3056).
fn embedded_v4(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, _, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// Resolves names for connections, and returns only addresses that are allowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedResolver(pub(super) LocalTargets);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let local = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            checked(found, local)
        })
    }
}

fn checked(found: Vec<SocketAddr>, local: LocalTargets) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    // One refused address refuses the name: the owner of the name must not choose which address is used.
    match found.iter().find(|address| !is_allowed(address.ip(), local)) {
        Some(address) => Err(format!("the address {} {LOCAL}", address.ip()).into()),
        None => Ok(Box::new(found.into_iter())),
    }
}

/// A client that connects only to addresses that are allowed, follows no redirect, and uses no proxy, which would resolve
/// names itself. Each request has a connection of its own.
///
/// # Errors
/// What the TLS library says.
pub(super) fn client(local: LocalTargets, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    client_builder(local, timeout).pool_max_idle_per_host(0).build()
}

/// The same, as it is before it is built, and with connections that are used again.
pub(crate) fn client_builder(local: LocalTargets, timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .dns_resolver(Arc::new(CheckedResolver(local)))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_machine_are_refused() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "::1",
            "::",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
        ] {
            let address = address.parse().unwrap();
            assert!(!is_allowed(address, LocalTargets::Refused), "{address}");
            assert!(is_allowed(address, LocalTargets::Allowed), "{address}");
        }
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "93.184.215.14",
            "2606:2800::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "64:ff9b::808:808",
        ] {
            let address = address.parse().unwrap();
            assert!(is_allowed(address, LocalTargets::Refused), "{address}");
        }
    }

    #[test]
    fn one_refused_address_spoils_the_name() {
        let addresses = |all: &[&str]| all.iter().map(|address| address.parse().unwrap()).collect::<Vec<_>>();
        assert!(checked(addresses(&["10.0.0.1:0", "127.0.0.1:0"]), LocalTargets::Refused).is_err());
        let found = checked(addresses(&["10.0.0.1:0", "10.0.0.2:0"]), LocalTargets::Refused).unwrap();
        assert_eq!(found.count(), 2);
    }

    #[tokio::test]
    async fn urls_with_disguised_addresses_are_refused() {
        for url in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::ffff:7f00:1]/",
            "http://localhost/",
            "https://169.254.169.254/latest/meta-data/",
        ] {
            let url = parse(url).unwrap();
            let refused = check(&url, LocalTargets::Refused).await.unwrap_err();
            assert!(refused.contains("--allow-local-targets"), "{url}: {refused}");
            check(&url, LocalTargets::Allowed).await.unwrap();
        }
        for url in [
            "",
            "school.example",
            "ftp://school.example/",
            "file:///etc/passwd",
            "https://user@school.example/",
            "https://:secret@school.example/",
            "https://school.example/#x",
        ] {
            assert!(matches!(parse(url), Err(Error::Invalid { field: "url", .. })), "{url}");
        }
    }
}
