//! From an endpoint to a connection: the name is resolved once, all its addresses are judged, and what is connected to
//! is one of those.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::way::Way;
use super::wire::Stream;
use super::{Host, policy};
use crate::grants::error::Error;

/// A name may have this many addresses; more are not tried.
const MOST_ADDRESSES: usize = 8;

/// Why there is no connection.
pub(in crate::grants) enum Fault {
    /// Refused by policy.
    Refused(Error),
    /// Tried in vain.
    Failed(String),
}

fn failed(what: String) -> Fault {
    Fault::Failed(what)
}

/// A connection by the deadline, of which each address gets an equal share.
pub(in crate::grants) async fn connect(
    way: &Way<'_>,
    tls: Option<ClientConfig>,
    deadline: Instant,
) -> Result<Box<dyn Stream>, Fault> {
    let late = || failed(format!("no connection within {:?} (`connect_timeout`)", way.connect_timeout));
    let addresses = timeout_at(deadline, resolve(way)).await.map_err(|_| late())??;
    policy::vet(way, &addresses).map_err(Fault::Refused)?;
    let tcp = reach(way.origin.port, &addresses, deadline).await?;
    // A request is one segment; Nagle would only delay it.
    let _ = tcp.set_nodelay(true);
    let Some(config) = tls else { return Ok(Box::new(tcp)) };
    let name = match &way.origin.host {
        Host::Address(address) => ServerName::from(*address),
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|_| failed(format!("{name} is no name that a certificate can hold")))?,
    };
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    let stream = timeout_at(deadline, handshake).await.map_err(|_| late())?.map_err(|error| {
        failed(format!(
            "TLS failed: {error}; check the server's certificate, and tls_roots, tls_certificate and tls_key under [{}.{}]",
            way.table, way.name
        ))
    })?;
    Ok(Box::new(stream))
}

/// All addresses of the host.
async fn resolve(way: &Way<'_>) -> Result<Vec<IpAddr>, Fault> {
    let name = match &way.origin.host {
        Host::Address(address) => return Ok(vec![*address]),
        Host::Name(name) => name,
    };
    let found = lookup_host((name.as_str(), way.origin.port)).await.map_err(|error| {
        failed(format!("{name} cannot be resolved: {error}; check the name, and this machine's resolver"))
    })?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(failed(format!("{name} has no address")));
    }
    Ok(addresses)
}

/// The first of the addresses that answers.
pub(super) async fn reach(port: u16, addresses: &[IpAddr], deadline: Instant) -> Result<TcpStream, Fault> {
    let mut reasons = Vec::new();
    let tried = addresses.len().min(MOST_ADDRESSES);
    for (at, address) in addresses.iter().take(MOST_ADDRESSES).enumerate() {
        let address = SocketAddr::new(*address, port);
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(tried - at).unwrap_or(1);
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => reasons.push(format!("{address}: {error}")),
            Err(_) => reasons.push(format!("{address}: no answer within {share:.1?}")),
        }
    }
    Err(failed(format!("no connection: {}; is the server up, and is it reachable from here?", reasons.join("; "))))
}
