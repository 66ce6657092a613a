//! Opens a connection: every host of the target in turn, each address of a name, each form of encryption that `sslmode`
//! allows. The socket is our own, so that it can be metered, and so that a cancel request goes to the very address that
//! is connected.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};
use tokio_postgres::{CancelToken, Client, Config, NoTls, config, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    address::{Address, Host},
    dsn::{SslMode, Target},
    error::{Error, chain},
    limits::Limits,
    meter::{Meter, Metered, Socket},
    password::PasswordSource,
    warnings::{Driver, Warnings},
};

/// A connection that is up and authenticated.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) driver: Driver,
    pub(super) meter: Arc<Meter>,
    pub(super) canceller: Canceller,
    pub(super) warnings: Warnings,
    /// The server says that the login is a superuser, or (as some poolers do) does not say.
    pub(super) superuser: bool,
}

/// The parameter that every server reports at the start of a session.
const SUPERUSER: &str = "is_superuser";

/// Where a socket leads to.
#[derive(Clone, Debug)]
enum Peer {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// TLS settings, and the name that the certificate has to be for.
type Tls = Option<(MakeRustlsConnect, String)>;

/// Sends cancel requests for one connection, over connections of their own.
#[derive(Clone)]
pub(super) struct Canceller {
    token: CancelToken,
    peer: Peer,
    tls: Tls,
}

/// Connects to the first host that answers.
///
/// A server that answers with an error ends the search, as in libpq, unless it says that it is starting up or shutting
/// down.
pub(super) async fn connect(target: &Target, limits: &Limits, application_name: &str) -> Result<Connected, Error> {
    let limit = target.connect_timeout.map_or(limits.connect_timeout, |own| own.min(limits.connect_timeout));
    let mut failures = Vec::new();
    for host in &target.hosts {
        let peers = match timeout(limit, resolve(host)).await {
            Ok(Ok(peers)) => peers,
            Ok(Err(error)) => {
                failures.push(format!("{host}: the name does not resolve: {error}"));
                continue;
            }
            Err(_) => {
                failures.push(format!("{host}: the name did not resolve within {limit:?}"));
                continue;
            }
        };
        // The server forks while password and certificates are read.
        let (prepared, opened) = tokio::join!(prepare(target, host, application_name), open(peers.first(), limit));
        let (prepared, mut opened) = (prepared?, opened);
        for peer in peers {
            match timeout(limit, prepared.encrypt_as_allowed(&peer, limits.bytes_per_run, opened.take())).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(failure)) => match failure.into_error(&prepared, target, host) {
                    Error::Unreachable(text) => failures.push(text),
                    error => return Err(error),
                },
                Err(_) => failures.push(format!("{host}: no connection within {limit:?}")),
            }
        }
    }
    Err(Error::Unreachable(format!("cannot connect ({target}): {}", failures.join("; "))))
}

/// What all attempts for one host share.
struct Prepared {
    config: Config,
    sslmode: SslMode,
    tls: Tls,
    /// Where the password came from, if there is one.
    password_from: Option<PasswordSource>,
}

/// Reads password and certificates.
async fn prepare(target: &Target, host: &Host, application_name: &str) -> Result<Prepared, Error> {
    let unix = matches!(host.address, Address::Unix(_));
    let sslmode = if unix { SslMode::Disable } else { target.sslmode };
    let (target_, host_) = (target.clone(), host.clone());
    // Files may lie on a file system that hangs.
    let secrets = tokio::task::spawn_blocking(move || {
        let source = target_.password.clone().unwrap_or(PasswordSource::HomePassFile);
        let password = source.read(&host_, &target_.dbname, &target_.user).map_err(|error| error.to_string())?;
        let tls = if sslmode == SslMode::Disable { None } else { Some(super::tls::client_config(&target_)?) };
        Ok::<_, String>((password.map(|password| (password, source)), tls))
    });
    let (password, tls) = secrets
        .await
        .map_err(|error| error.to_string())
        .and_then(|outcome| outcome)
        .map_err(|why| Error::Unreachable(format!("cannot connect ({target}): {why}")))?;

    let mut config = Config::new();
    config.user(&target.user).dbname(&target.dbname).application_name(application_name);
    config.channel_binding(target.channel_binding);
    if let Some(options) = &target.options {
        config.options(options);
    }
    let password_from = password.map(|(password, source)| {
        config.password(password);
        source
    });
    let tls = tls.map(|tls| named(tls, host, target)).transpose()?;
    Ok(Prepared { config, sslmode, tls, password_from })
}

/// Adds the name that the certificate has to be for.
fn named(tls: ClientConfig, host: &Host, target: &Target) -> Result<(MakeRustlsConnect, String), Error> {
    let name = match &host.address {
        Address::Name(name) | Address::Ip(_, Some(name)) => name.clone(),
        Address::Ip(ip, None) if target.sslmode != SslMode::VerifyFull => ip.to_string(),
        Address::Ip(..) => {
            return Err(Error::Unreachable(format!(
                "cannot connect ({target}): sslmode verify-full needs host= beside hostaddr="
            )));
        }
        Address::Unix(_) => String::new(),
    };
    Ok((MakeRustlsConnect::new(tls), name))
}

async fn resolve(host: &Host) -> std::io::Result<Vec<Peer>> {
    Ok(match &host.address {
        Address::Unix(directory) => vec![Peer::Unix(directory.join(format!(".s.PGSQL.{}", host.port)))],
        Address::Ip(ip, _) => vec![Peer::Tcp(SocketAddr::new(*ip, host.port))],
        Address::Name(name) => lookup_host((name.as_str(), host.port)).await?.map(Peer::Tcp).collect(),
    })
}

/// A socket to the first peer, if it opens in time; otherwise the attempt itself will say why it does not.
async fn open(peer: Option<&Peer>, limit: Duration) -> Option<Socket> {
    timeout(limit, peer?.connect()).await.ok()?.ok()
}

/// Why one attempt failed.
enum Failure {
    Socket(std::io::Error),
    Protocol(tokio_postgres::Error),
}

impl Prepared {
    /// `allow` tries without TLS first, `prefer` with; each falls back to the other where libpq does, except after a
    /// wrong password, which would only be logged twice.
    async fn encrypt_as_allowed(&self, peer: &Peer, cap: u64, opened: Option<Socket>) -> Result<Connected, Failure> {
        let (first, second) = match self.sslmode {
            SslMode::Disable => (config::SslMode::Disable, None),
            SslMode::Allow => (config::SslMode::Disable, Some(config::SslMode::Require)),
            SslMode::Prefer => (config::SslMode::Prefer, Some(config::SslMode::Disable)),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (config::SslMode::Require, None),
        };
        let failure = match self.attempt(peer, first, cap, opened).await {
            Ok(connected) => return Ok(connected),
            Err(failure) => failure,
        };
        match second {
            Some(second) if failure.encryption_may_be_why() => {
                // Where the fallback fails too, the first failure tells more: it is what sslmode asks for.
                self.attempt(peer, second, cap, None).await.map_err(|_| failure)
            }
            _ => Err(failure),
        }
    }

    async fn attempt(
        &self,
        peer: &Peer,
        sslmode: config::SslMode,
        cap: u64,
        opened: Option<Socket>,
    ) -> Result<Connected, Failure> {
        let meter = Meter::new(cap);
        let socket = match opened {
            Some(socket) => socket,
            None => peer.connect().await.map_err(Failure::Socket)?,
        };
        let stream = Metered { socket, meter: meter.clone() };
        let mut config = self.config.clone();
        config.ssl_mode(sslmode);
        let tls = self.tls.clone().filter(|_| sslmode != config::SslMode::Disable);
        let superuser;
        let warnings = Warnings::default();
        let (client, driver): (_, Driver) = match tls.clone() {
            None => {
                let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(Failure::Protocol)?;
                superuser = connection.parameter(SUPERUSER) != Some("off");
                (client, warnings.driver(connection))
            }
            Some((mut maker, name)) => {
                let Ok(tls) = MakeTlsConnect::<Metered>::make_tls_connect(&mut maker, &name);
                let (client, connection) = config.connect_raw(stream, tls).await.map_err(Failure::Protocol)?;
                superuser = connection.parameter(SUPERUSER) != Some("off");
                (client, warnings.driver(connection))
            }
        };
        let canceller = Canceller { token: client.cancel_token(), peer: peer.clone(), tls };
        Ok(Connected { client, driver, meter, canceller, warnings, superuser })
    }
}

impl Peer {
    async fn connect(&self) -> std::io::Result<Socket> {
        match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream))
            }
            Self::Unix(path) => Ok(Socket::Unix(UnixStream::connect(path).await?)),
        }
    }
}

impl Canceller {
    /// Asks the server to cancel what the connection is doing. The server tells nobody whether it did.
    pub(super) async fn cancel(self, limit: Duration) -> Result<(), String> {
        let request = async {
            let stream = Metered {
                socket: self.peer.connect().await.map_err(|error| error.to_string())?,
                meter: Meter::new(64 << 10),
            };
            match self.tls {
                None => self.token.cancel_query_raw(stream, NoTls).await,
                Some((mut maker, name)) => {
                    let Ok(tls) = MakeTlsConnect::<Metered>::make_tls_connect(&mut maker, &name);
                    self.token.cancel_query_raw(stream, tls).await
                }
            }
            .map_err(|error| chain(&error))
        };
        timeout(limit, request).await.unwrap_or_else(|_| Err(format!("no cancel connection within {limit:?}")))
    }
}

impl Failure {
    fn encryption_may_be_why(&self) -> bool {
        match self {
            Self::Socket(_) => false,
            // invalid_authorization_specification: no pg_hba.conf entry for this form of encryption.
            Self::Protocol(error) => error.as_db_error().is_none_or(|error| error.code().code() == "28000"),
        }
    }

    /// Says what was tried, why it failed, and what to do.
    fn into_error(self, prepared: &Prepared, target: &Target, host: &Host) -> Error {
        let error = match self {
            Self::Socket(error) => return Error::Unreachable(format!("{host}: {error}")),
            Self::Protocol(error) => error,
        };
        let Some(server) = error.as_db_error() else {
            let text = chain(&error);
            if text.contains("password missing") {
                let source = target.password.as_ref().map_or(
                    "password_file, password_env, password_credential and ~/.pgpass gave none".to_owned(),
                    |source| format!("{source} has no line for it"),
                );
                // As the server answers to an empty password; like every refusal, it ends the search for a host.
                return Error::Remote {
                    code: "28P01".to_owned(),
                    message: format!("cannot connect ({target}): {host}: the server asks for a password, and {source}"),
                    detail: None,
                    hint: Some(NO_PASSWORD.to_owned()),
                };
            }
            return Error::Unreachable(format!("{host}: {text}"));
        };
        match Error::from_server(server) {
            Error::Remote { code, message, detail, hint } => {
                let hint = hint.or_else(|| advice(&code, &message, prepared, target));
                Error::Remote { code, message: format!("cannot connect ({target}): {message}"), detail, hint }
            }
            Error::Unreachable(text) => Error::Unreachable(format!("{host}: {text}")),
            other => other,
        }
    }
}

/// What to do about a password that is asked for and not there.
const NO_PASSWORD: &str = "no password was found: set password_file, password_env or password_credential";

/// What to do about a refused login.
fn advice(sqlstate: &str, message: &str, prepared: &Prepared, target: &Target) -> Option<String> {
    match sqlstate {
        "28P01" => Some(match &prepared.password_from {
            Some(source) => format!("the password came from {source}: compare it with the role's"),
            None => NO_PASSWORD.to_owned(),
        }),
        "28000" if message.contains("eer authentication") => Some(format!(
            "peer authentication wants the agent to run as operating system user {}, or a map in pg_ident.conf",
            target.user
        )),
        "28000" => Some(format!(
            "the role may not exist or not log in, or pg_hba.conf needs a line for {} on {} \
             with this form of encryption",
            target.user, target.dbname
        )),
        "3D000" => Some("check dbname in agent.toml".to_owned()),
        "53300" => Some(
            "all connections are in use: raise max_connections, or reserve some (reserved_connections, 16 and later)"
                .to_owned(),
        ),
        _ => None,
    }
}
