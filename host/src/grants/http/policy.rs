//! What may be asked of an endpoint, and which addresses may be connected to for it. Every refusal and its words are
//! decided here, from values alone.

use std::net::IpAddr;

use super::address::{Standing, is_loopback, standing};
use super::way::Way;
use super::{Endpoint, Host, Method, Target};
use crate::grants::error::Error;

/// The checked form of a guest's path, if one of the endpoint's lines covers it.
pub(super) fn admit(endpoint: &Endpoint, method: Method, path: &str) -> Result<Target, Error> {
    let name = &endpoint.name;
    let target = Target::parse(path).map_err(|why| {
        let shown: String = path.chars().take(80).collect();
        Error::Invalid(format!("http endpoint {name:?}: {shown:?} is no path that is sent: {why}"))
    })?;
    if endpoint.allow.iter().any(|line| line.covers(method, &target)) {
        return Ok(target);
    }
    let line = format!("{method} {}", target.request_target());
    Err(Error::Denied(format!(
        "http endpoint {name:?} does not allow {line}: if it should, add {line:?} to `allow` under [http.{name}] in \
         agent.toml"
    )))
}

/// The same for an action, which has the methods that change something and no others.
pub(super) fn admit_act(endpoint: &Endpoint, method: Method, path: &str) -> Result<Target, Error> {
    match method {
        Method::Post | Method::Put | Method::Patch | Method::Delete => admit(endpoint, method, path),
        Method::Get | Method::Head => Err(Error::Invalid(format!("{method} changes nothing and is no action"))),
    }
}

/// Whether all of the addresses that the origin's host stands for may be connected to. One that may not refuses them
/// all: which one is connected to must not hang on the order of a DNS answer.
pub(super) fn vet(way: &Way<'_>, addresses: &[IpAddr]) -> Result<(), Error> {
    let Way { what: whose, table, name, .. } = way;
    for address in addresses {
        let (host, named) = match &way.origin.host {
            Host::Address(written) => (written.to_string(), written == address),
            Host::Name(host) => (host.clone(), way.allow_private || (host == "localhost" && is_loopback(*address))),
        };
        let refusal = match standing(*address) {
            Standing::Public => continue,
            Standing::Private(_) if named => continue,
            Standing::Private(what) => format!(
                "{host} resolves to {address}, {what} that the origin does not name: if that is meant, add \
                 `allow_private = true` under [{table}.{name}] in agent.toml, or write the address into the origin"
            ),
            Standing::Never(what) => format!(
                "{host} resolves to {address}, {what}: pgreeve never connects to one, whatever agent.toml says; find \
                 out who changed the name"
            ),
        };
        return Err(Error::Denied(format!("{whose} {name:?}: {refusal}")));
    }
    Ok(())
}
