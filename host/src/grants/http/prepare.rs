//! What a request needs from the disk: secrets for its headers, certificates for TLS. Read anew each time, so that
//! rotated ones need no restart.

use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use rustls::ClientConfig;

use super::{Endpoint, Value};

/// Longest header value, in bytes.
const LONGEST_VALUE: usize = 8 << 10;

/// Ready to be sent. Has no `Debug`, because it holds secrets.
pub(super) struct Prepared {
    pub(super) headers: HeaderMap,
    /// What was sent in which header.
    pub(super) secrets: Vec<(HeaderName, Vec<u8>)>,
    /// For https.
    pub(super) tls: Option<ClientConfig>,
}

/// Blocks on the file system. The error names the header or the file, never the secret.
pub(super) fn prepare(endpoint: &Endpoint) -> Result<Prepared, String> {
    let host =
        HeaderValue::from_str(&endpoint.origin.authority()).map_err(|_| "the origin fits into no header".to_owned())?;
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("pgreeve/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut secrets = Vec::new();
    for header in &endpoint.headers {
        let name = &header.name;
        let value = match &header.value {
            Value::Literal(text) => {
                HeaderValue::from_str(text).map_err(|_| format!("header {name} has a value that cannot be sent"))?
            }
            Value::Secret(source) => {
                let secret = source.read().map_err(|error| format!("header {name} lacks its secret: {error}"))?;
                let fits = secret.len() <= LONGEST_VALUE && secret.trim_ascii() == secret;
                let value = HeaderValue::from_bytes(&secret).ok().filter(|_| fits);
                let mut value = value.ok_or_else(|| {
                    format!(
                        "{source} does not fit into header {name}: one line of at most 8 KiB, no blanks at its ends"
                    )
                })?;
                value.set_sensitive(true);
                secrets.push((name.clone(), secret));
                value
            }
        };
        headers.insert(name.clone(), value);
    }
    let tls = endpoint.origin.secure.then(|| endpoint.tls.client_config()).transpose()?;
    Ok(Prepared { headers, secrets, tls })
}
