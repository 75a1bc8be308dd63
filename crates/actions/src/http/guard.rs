//! Which addresses a connector may connect to: whoever names a host must not reach what only we can reach.
//!
//! A URL of the configuration is the operator's own word, so by default it may lead anywhere. With
//! `private_addresses = "refuse"` the name is resolved here, and only what is left is connected to: an answer that changes
//! between check and connection (DNS rebinding) gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use engine::ConfigError;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether a name may lead into networks that are not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PrivateAddresses {
    Allow,
    Refuse,
}

/// Lets through the public addresses and those of the networks that are named.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allowed: Arc<[Network]>,
}

/// A network, such as `10.1.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u128,
    bits: u32,
}

impl Guard {
    /// Reads the networks that are let through although they are not public.
    pub(super) fn new(allowed: &[String]) -> Result<Guard, ConfigError> {
        let networks = allowed.iter().map(|text| {
            Network::parse(text).ok_or_else(|| {
                let message = format!("`allowed_networks`: expected a network such as `10.1.0.0/16`, found `{text}`");
                ConfigError::at(&["allowed_networks"], message)
            })
        });
        Ok(Guard { allowed: networks.collect::<Result<_, _>>()? })
    }

    /// Refuses a URL whose host is such an address itself; one that is a name is seen when it is resolved.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !self.lets(address) => Err(format!("`{address}` is no public address")),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn lets(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed.iter().any(|network| network.has(address))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (let_through, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.into_iter().partition(|address| guard.lets(address.ip()));
            match refused.first() {
                Some(address) if let_through.is_empty() => {
                    Err(format!("`{}` is `{}`, which is no public address", name.as_str(), address.ip()).into())
                }
                Some(_) | None => Ok(Box::new(let_through.into_iter()) as Addrs),
            }
        })
    }
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        // IPv4 is the part ::ffff:0:0/96 of IPv6.
        let (bits_max, before) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let bits = bits.unwrap_or(bits_max);
        (bits <= bits_max).then_some(Network { address: as_number(address), bits: before + bits })
    }

    fn has(self, address: IpAddr) -> bool {
        let differs = self.address ^ as_number(address);
        differs.leading_zeros() >= self.bits
    }
}

fn as_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Whether an address belongs to the public internet, by the registries of special-purpose addresses (RFC 6890). The
/// services of clouds that hand out credentials (169.254.169.254, fd00:ec2::254) are link-local and unique local.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        // Behind the address translation of a provider (RFC 6598), protocol assignments, benchmarks (RFC 2544).
        || first == 100 && (64..128).contains(&second)
        || (first, second, third) == (192, 0, 0)
        || first == 198 && (18..20).contains(&second);
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is given out (RFC 4291); of it 2001:db8::/32 and 3fff::/20 are for documentation, and Teredo
    // (2001::/32) and 6to4 (2002::/16) lead to IPv4 by ways of their own.
    let is_given_out = (0x2000..0x4000).contains(&first);
    let is_special = first == 0x2001 && (second == 0x0db8 || second == 0) || first == 0x2002 || first == 0x3fff;
    is_given_out && !is_special
}

/// The IPv4 address that an IPv6 address stands for: mapped, or translated by NAT64 (64:ff9b::/96).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let translated = match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((u32::from(high) << 16) | u32::from(low)),
        _ => None,
    };
    address.to_ipv4_mapped().or(translated.map(Ipv4Addr::from_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str]) -> Guard {
        Guard::new(&allowed.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn only_public_addresses_are_let_through() {
        let guard = guard(&[]);
        for public in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(guard.lets(public.parse().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "ff02::1",
        ] {
            assert!(!guard.lets(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn networks_that_are_named_are_let_through() {
        let guard = guard(&["10.1.0.0/16", "192.168.7.7", "fd00:1::/32"]);
        for (address, lets) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("192.168.7.7", true),
            ("192.168.7.8", false),
            ("fd00:1::9", true),
            ("fd00:2::9", false),
        ] {
            assert_eq!(guard.lets(address.parse().unwrap()), lets, "{address}");
        }
        for wrong in ["10.0.0.0/33", "ten", "10.0.0.0/-1", ""] {
            let error = Guard::new(&[wrong.to_owned()]).unwrap_err();
            assert!(error.message.contains("expected a network"), "{error}");
        }
    }

    #[test]
    fn an_address_in_a_url_is_seen_without_resolving() {
        for (url, is_let) in [
            ("http://127.0.0.1/", false),
            ("http://[::1]:8080/", false),
            ("http://2130706433/", false),
            ("http://0x7f.1/", false),
            ("https://1.1.1.1/", true),
            ("https://ops.example.com/", true),
        ] {
            assert_eq!(guard(&[]).check_url(&Url::parse(url).unwrap()).is_ok(), is_let, "{url}");
        }
    }
}
