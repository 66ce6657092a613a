//! Where an endpoint is: scheme, host and port, and nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::{Standing, standing};

/// The host of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name in lower case, to be resolved at each call.
    Name(String),
    /// An address written as such.
    Address(IpAddr),
}

/// `scheme://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether the scheme is https.
    pub secure: bool,
    /// Name or address.
    pub host: Host,
    /// 1 to 65535; 80 for http and 443 for https unless it is written.
    pub port: u16,
}

impl Origin {
    /// Reads an origin of agent.toml. Strict, so that there is nothing to normalise: IPv4 addresses are four decimal
    /// numbers, names are ASCII (international ones in their `xn--` form), and an address that is never reached is
    /// refused here already.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("origin {text:?}: {why}; write it like \"http://127.0.0.1:8000\" or \"https://app.example\"")
        };
        let (secure, authority) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            (None, None) => return Err(wrong("it begins with neither http:// nor https://")),
        };
        if authority.contains('@') {
            // The text may hold a password.
            return Err("an origin holds no user and no password: send them as a header, from a file or a credential"
                .to_owned());
        }
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(wrong("it holds more than scheme, host and port: paths belong into `allow`"));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(|| wrong("its [ is not closed"))?;
                let address: Ipv6Addr = host.parse().map_err(|_| wrong("between [ and ] stands no IPv6 address"))?;
                (Host::Address(address.into()), port)
            }
            None => {
                let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
                (name_or_ipv4(host).map_err(wrong)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => default_port(secure),
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                match digits.parse() {
                    Ok(port) if port > 0 => port,
                    _ => return Err(wrong("its port is not between 1 and 65535")),
                }
            }
            _ => return Err(wrong("after the host, it holds something that is no port")),
        };
        match &host {
            Host::Address(address) => match standing(*address) {
                Standing::Never(what) => Err(wrong(&format!("{address} is {what}, and pgreeve never connects to one"))),
                Standing::Public | Standing::Private(_) => Ok(Self { secure, host, port }),
            },
            Host::Name(_) => Ok(Self { secure, host, port }),
        }
    }

    /// The host, with the port where it is not the scheme's own, as the `Host` header has it.
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        if self.port == default_port(self.secure) { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn name_or_ipv4(host: &str) -> Result<Host, &'static str> {
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(fits) {
        return Err("its host is neither an address nor a name of ASCII letters, digits, - and dots");
    }
    // Resolvers read 127.1, 2130706433 and 0x7f.1 as IPv4 addresses; no top-level domain begins with a digit.
    if host.rsplit('.').next().is_some_and(|label| label.starts_with(|first: char| first.is_ascii_digit())) {
        return Err("its host looks like an IPv4 address that is not written as four decimal numbers");
    }
    Ok(Host::Name(host.to_ascii_lowercase()))
}
