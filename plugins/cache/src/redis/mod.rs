//! Redis and Valkey servers.

mod checks;
mod codes;
mod info;
mod memory;
mod nodes;
mod observe;
mod seen;
#[cfg(test)]
mod tests;

pub(crate) use checks::judge;
pub(crate) use observe::{Observed, observe};

use pgreeve_sdk::Error;

/// Whether a server can be said to be down for who uses it: no connection, or no answer in time.
pub(crate) fn is_down(error: &Error) -> bool {
    match error {
        Error::Unreachable(text) if mistrust(text).is_some() => false,
        Error::Unreachable(_) | Error::TimedOut(_) => true,
        Error::Remote(remote) => {
            remote.code == "BUSY" || remote.code == "LOADING" || remote.message.contains("max number of clients")
        }
        _ => false,
    }
}

/// Who does not trust whom, where TLS failed for a certificate: the server is there, and others may well be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistrust {
    /// The server wants a certificate of the agent, or another one.
    OfUs,
    /// The server's certificate is of another authority, or for another name.
    OfTheServer,
}

/// By the words of the agent's TLS (rustls). A certificate that has expired, or is not valid yet, serves nobody who verifies it: that is down.
fn mistrust(text: &str) -> Option<Mistrust> {
    // The alerts of RFC 8446 with which a server refuses a client's certificate.
    const ALERTS: [&str; 7] = [
        "CertificateRequired",
        "BadCertificate",
        "UnsupportedCertificate",
        "CertificateRevoked",
        "CertificateExpired",
        "CertificateUnknown",
        "UnknownCA",
    ];
    let alert = text.split_once("received fatal alert: ").map(|(_, alert)| alert);
    if alert.is_some_and(|alert| ALERTS.iter().any(|known| alert.starts_with(known))) {
        return Some(Mistrust::OfUs);
    }
    let (_, why) = text.split_once("invalid peer certificate: ")?;
    let time = ["expired", "Expired", "not valid yet", "NotValidYet"].iter().any(|word| why.contains(word));
    (!time).then_some(Mistrust::OfTheServer)
}
