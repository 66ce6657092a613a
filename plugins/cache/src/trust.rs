//! TLS that failed for a certificate: whoever answers there is up, and others may well be served. That is not what it is to be down.

use pgreeve_sdk::{Error, Finding, Reason};

/// The finding for a question that failed so, of a server or application under this section of agent.toml; none for any other error. A certificate that
/// has expired, or is not valid yet, serves nobody who verifies it: that is down.
pub(crate) fn mistrusted(check: &str, subject: &str, section: &str, error: &Error) -> Option<Finding> {
    let Error::Unreachable(text) = error else { return None };
    let (reason, advice) = match mistrust(text)? {
        Mistrust::OfUs => (
            Reason::NoPrivilege,
            format!(
                "give the agent a certificate that the server's authority has signed and that has not expired: tls_certificate and \
                 tls_key under [{section}] in agent.toml; the server's log says what it missed"
            ),
        ),
        Mistrust::OfTheServer => (
            Reason::Failed,
            format!(
                "compare the certificate with tls_roots and the host name under [{section}] in agent.toml (openssl s_client -connect \
                 HOST:PORT). If the certificate was changed on the server, clients that verify it are refused as well"
            ),
        ),
    };
    Some(Finding::unknown(check, subject, reason, format!("could not look: {text}")).advise(advice))
}

/// Whether an error is of this kind.
pub(crate) fn is_mistrust(error: &Error) -> bool {
    matches!(error, Error::Unreachable(text) if mistrust(text).is_some())
}

/// Who does not trust whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistrust {
    /// The server wants a certificate of the agent, or another one.
    OfUs,
    /// The server's certificate is of another authority, or for another name.
    OfTheServer,
}

/// By the words of the agent's TLS (rustls).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_certificate_is_a_matter_of_trust_and_one_that_has_expired_is_an_outage() {
        use Mistrust::{OfTheServer, OfUs};
        for (text, who) in [
            ("the log-in: received fatal alert: CertificateRequired", Some(OfUs)),
            ("TLS failed: received fatal alert: UnknownCA; check", Some(OfUs)),
            ("TLS failed: received fatal alert: HandshakeFailure", None),
            ("TLS failed: invalid peer certificate: UnknownIssuer", Some(OfTheServer)),
            ("TLS failed: invalid peer certificate: certificate not valid for name \"a\"", Some(OfTheServer)),
            ("TLS failed: invalid peer certificate: certificate expired: verification time 5", None),
            ("TLS failed: invalid peer certificate: certificate not valid yet: verification time 5", None),
            ("connection refused", None),
        ] {
            assert_eq!(mistrust(text), who, "{text}");
        }
        assert!(mistrusted("redis", "c", "redis.c", &Error::TimedOut("UnknownIssuer".into())).is_none());
    }
}
