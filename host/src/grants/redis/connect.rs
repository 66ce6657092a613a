//! Opens a socket to a server: the name is resolved, each of its addresses tried in turn, TLS spoken where it is set.

use std::{io, sync::Arc};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::server::{Address, Server};
use crate::grants::error::Error;

/// What both directions of a connection run over.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connected socket, TLS included. Dropping it closes the connection.
pub(super) type Socket = Box<dyn Duplex>;

/// Opens a connection within the server's connect time-out, and reads the password, if there is one, while that goes on.
///
/// Errors: `Unreachable`; `Denied` where the trouble is on this side, such as a password that cannot be read or a socket that this user may
/// not open: that says nothing of the server.
pub(super) async fn open(server: &Server) -> Result<(Socket, Option<Vec<u8>>), Error> {
    let unreachable = |why: String| Error::Unreachable(format!("{server}: {why}"));
    let ours = |why: String| {
        let name = &server.name;
        Error::Denied(format!(
            "{server}: not asked, as {why}: correct the password or the TLS files under [redis.{name}] in agent.toml"
        ))
    };
    let (tls, secret) = (server.tls.clone(), server.password.clone());
    // Files may lie on a file system that hangs.
    let prepared = tokio::task::spawn_blocking(move || {
        let tls = tls.map(|tls| tls.client_config()).transpose()?;
        let password = secret.map(|secret| secret.read().map_err(|error| error.to_string())).transpose()?;
        Ok::<_, String>((tls, password))
    });
    let attempt = async {
        let (tls, password) =
            prepared.await.map_err(|error| error.to_string()).and_then(|outcome| outcome).map_err(ours)?;
        let socket: Socket = match &server.address {
            Address::Unix(path) => Box::new(UnixStream::connect(path).await.map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => Error::Denied(format!(
                    "{server}: {error}: let the agent's user open the socket (unixsocketperm 770 in the server's configuration, and the \
                     group that owns it)"
                )),
                _ => unreachable(error.to_string()),
            })?),
            Address::Tcp { host, port } => {
                let tcp = dial(host, *port).await.map_err(unreachable)?;
                match tls {
                    None => Box::new(tcp),
                    Some(config) => {
                        let name = ServerName::try_from(host.clone());
                        let name = name.map_err(|error| unreachable(format!("{host:?}: {error}")))?;
                        let connector = TlsConnector::from(Arc::new(config));
                        let secured = connector.connect(name, tcp).await;
                        Box::new(secured.map_err(|error| unreachable(format!("TLS failed: {error}")))?)
                    }
                }
            }
        };
        Ok((socket, password))
    };
    let limit = server.connect_timeout;
    let late = |_| Err(unreachable(format!("no connection within {limit:?} (connect_timeout)")));
    timeout(limit, attempt).await.unwrap_or_else(late)
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = lookup_host((host, port)).await.map_err(|error| format!("the name does not resolve: {error}"))?;
    let mut failures = Vec::new();
    for address in addresses {
        let connected: io::Result<TcpStream> = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
        .await;
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push(format!("{address}: {error}")),
        }
    }
    Err(if failures.is_empty() { "the name has no address".to_owned() } else { failures.join("; ") })
}
