//! [`Exceptions`]: the servers that are reached without a proxy, as in `NO_PROXY`.

use std::{error::Error, fmt, net::IpAddr, str::FromStr};

/// A list of servers, in the form of `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exceptions {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// Any port if there is none.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// This domain and all below it, in lower case, without a dot at either end.
    Domain(Box<str>),
    /// The addresses that begin with these bits. IPv4 if its IPv6 form has the prefix of all IPv4
    /// addresses (RFC 4291 section 2.5.5.2).
    Addresses(IpAddr, u32),
}

impl Exceptions {
    /// Whether the list contains a server. The host is that of a request: a domain name in its ASCII
    /// form, or an IP address without brackets.
    pub(super) fn contain(&self, host: &str, port: u16) -> bool {
        let host = host.split('%').next().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        let address = host.parse::<IpAddr>().ok();
        self.entries.iter().any(|entry| {
            entry.port.is_none_or(|wanted| wanted == port)
                && match (&entry.hosts, address) {
                    (Hosts::All, _) => true,
                    (Hosts::Addresses(network, bits), Some(address)) => {
                        let forms = [address, address.to_canonical()];
                        forms.into_iter().any(|address| within(address, *network, *bits))
                    }
                    (Hosts::Domain(domain), None) => is_below(host, domain),
                    (Hosts::Addresses(..), None) | (Hosts::Domain(_), Some(_)) => false,
                }
        })
    }
}

impl FromStr for Exceptions {
    type Err = ExceptionError;

    /// Commas or spaces separate the entries.
    fn from_str(list: &str) -> Result<Self, ExceptionError> {
        let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Ok(Self { entries: entries.map(Entry::parse).collect::<Result<_, _>>()? })
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, ExceptionError> {
        // Before an `@` there can be a password, if the value of another variable was meant.
        let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        let error = || ExceptionError { entry: shown.into() };
        if let Some((address, bits)) = text.split_once('/') {
            let address = unbracketed(address).parse::<IpAddr>().map_err(|_| error())?;
            let bits = bits.bytes().all(|b| b.is_ascii_digit()).then(|| bits.parse().ok());
            let bits = bits.flatten().filter(|&bits| bits <= length(address)).ok_or_else(error)?;
            return Ok(Self { hosts: Hosts::addresses(address, bits), port: None });
        }
        if let Ok(address) = unbracketed(text).parse() {
            return Ok(Self { hosts: Hosts::address(address), port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => {
                let digits = port.bytes().all(|b| b.is_ascii_digit());
                let port = port.parse().ok().filter(|&port| digits && port != 0);
                (name, Some(port.ok_or_else(error)?))
            }
            None => (text, None),
        };
        let hosts = match unbracketed(name).parse() {
            Ok(address) => Hosts::address(address),
            Err(_) if name == "*" => Hosts::All,
            Err(_) => Hosts::Domain(domain(name).ok_or_else(error)?),
        };
        Ok(Self { hosts, port })
    }
}

impl Hosts {
    /// One address.
    fn address(address: IpAddr) -> Self {
        Self::addresses(address, length(address))
    }

    /// The addresses that begin with these bits, at most those of the address.
    fn addresses(address: IpAddr, bits: u32) -> Self {
        let canonical = address.to_canonical();
        match bits.checked_sub(length(address) - length(canonical)) {
            Some(bits) => Self::Addresses(canonical, bits),
            // Shorter than the prefix of all IPv4 addresses.
            None => Self::Addresses(address, bits),
        }
    }
}

/// A domain, with the dots and the asterisk removed that only mean "and all below it".
fn domain(name: &str) -> Option<Box<str>> {
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    let name = name.strip_prefix('.').unwrap_or(name);
    // No host has one, so such an entry would silently contain nothing.
    if name.contains('*') {
        return None;
    }
    let (ascii, _) = crate::request::host(name.strip_suffix('.').unwrap_or(name)).ok()?;
    Some(ascii.to_ascii_lowercase().into())
}

/// Whether the host is the domain, or below it.
fn is_below(host: &str, domain: &str) -> bool {
    let Some(begin) = host.len().checked_sub(domain.len()) else { return false };
    let (above, end) = (&host.as_bytes()[..begin], &host.as_bytes()[begin..]);
    end.eq_ignore_ascii_case(domain.as_bytes()) && (above.is_empty() || above.ends_with(b"."))
}

/// Whether the first bits of both addresses are equal.
fn within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits,
        _ => false,
    }
}

/// The bits of an address.
fn length(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn unbracketed(text: &str) -> &str {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(text)
}

/// An entry that is neither a domain nor an address, with or without a port, nor a range of
/// addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionError {
    entry: Box<str>,
}

impl ExceptionError {
    /// The entry, without user and password.
    pub fn entry(&self) -> &str {
        &self.entry
    }
}

impl fmt::Display for ExceptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a server: write a domain, an address, a range such as 10.0.0.0/8, or *",
            self.entry
        )
    }
}

impl Error for ExceptionError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the list contains a server, `host port`.
    fn contains(list: &str, server: &str) -> bool {
        let (host, port) = server.split_once(' ').unwrap_or((server, "443"));
        list.parse::<Exceptions>().unwrap().contain(host, port.parse().unwrap())
    }

    #[test]
    fn a_domain_includes_all_below_it() {
        for entry in ["example.org", ".example.org", "*.example.org", "EXAMPLE.org."] {
            for host in ["example.org", "a.example.org", "b.a.Example.ORG", "a.example.org."] {
                assert!(contains(entry, host), "{entry} {host}");
            }
            for host in ["notexample.org", "example.org.evil.net", "org", "192.0.2.1"] {
                assert!(!contains(entry, host), "{entry} {host}");
            }
        }
        assert!(contains("bücher.example", "a.xn--bcher-kva.example"));
    }

    #[test]
    fn an_entry_with_a_port_is_for_that_port() {
        assert!(contains("example.org:8080", "a.example.org 8080"));
        assert!(!contains("example.org:8080", "a.example.org 8081"));
        assert!(contains("192.0.2.1:80", "192.0.2.1 80"));
        assert!(!contains("[2001:db8::1]:80", "2001:db8::1 81"));
        assert!(contains("[2001:db8::1]:80", "2001:db8::1 80"));
    }

    #[test]
    fn addresses_and_ranges_contain_addresses_only() {
        assert!(contains("10.0.0.0/8", "10.255.1.2"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(!contains("10.0.0.0/8", "10.example.org"));
        assert!(contains("192.168.4.4/30", "192.168.4.7"));
        assert!(!contains("192.168.4.4/30", "192.168.4.8"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("fe80::/10", "febf::1%eth0"));
        assert!(!contains("fe80::/10", "fec0::1"));
        assert!(contains("::/0", "2001:db8::1"));
        assert!(contains("2001:DB8::1", "2001:db8:0::1"));
        assert!(contains("[2001:db8::1]", "2001:db8::1"));
        // An IPv4 address in the form of IPv6.
        assert!(contains("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(contains("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!contains("192.0.2.1", "192.0.2.10"));
    }

    #[test]
    fn ranges_contain_ipv4_addresses_in_the_form_of_ipv6() {
        for (list, host) in [
            ("10.0.0.0/8", "::ffff:10.0.0.1"),
            ("10.0.0.0/8", "::ffff:a00:1"),
            ("::ffff:10.0.0.0/104", "10.0.0.1"),
            ("[::ffff:10.0.0.0]/104", "::ffff:10.0.0.1"),
            ("::ffff:0:0/96", "10.0.0.1"),
            ("::/0", "::ffff:10.0.0.1"),
        ] {
            assert!(contains(list, host), "{list} {host}");
        }
        for (list, host) in [
            ("10.0.0.0/8", "::ffff:11.0.0.1"),
            ("10.0.0.0/8", "::10.0.0.1"),
            ("::ffff:10.0.0.0/104", "11.0.0.1"),
            ("::ffff:0:0/95", "10.0.0.1"),
            ("::/0", "10.0.0.1"),
        ] {
            assert!(!contains(list, host), "{list} {host}");
        }
    }

    #[test]
    fn an_asterisk_contains_all_and_an_empty_list_nothing() {
        assert!(contains("*", "example.org"));
        assert!(contains("a.example, *", "2001:db8::1"));
        assert!(!contains("", "example.org"));
        assert!(!contains(" , ,", "example.org"));
        assert!(contains("a.example b.example,, c.example", "c.example"));
    }

    #[test]
    fn an_entry_that_is_no_server_is_named() {
        for list in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0/8",
            "a.example/8",
            "a.example:0",
            "a.example:70000",
            "a.example:+1",
            "a..example",
            ".",
            "http://a.example",
            "10.0.0.*",
            "*example.org",
            "a.*.example",
        ] {
            let error = format!("ok.example,{list}").parse::<Exceptions>().unwrap_err();
            assert_eq!(error.entry(), list);
        }
    }

    #[test]
    fn an_entry_with_a_password_is_named_without_it() {
        let error = "http://me:hush@p.example".parse::<Exceptions>().unwrap_err();
        assert_eq!(error.entry(), "p.example");
        assert!(!format!("{error} {error:?}").contains("hush"));
    }
}
