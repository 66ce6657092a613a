//! The `http` capability: GET and HEAD on endpoints of agent.toml. A guest names an endpoint and a path; everything
//! else of the request is the operator's. The other methods are for actions ([`act`]), on lines that name them.
//!
//! ```text
//! Endpoint   origin, allowed lines, headers, TLS, time-outs                    (agent.toml)
//!   └─ perform
//!        ├─ policy    path checked byte by byte, allowed line found            → Target
//!        ├─ prepare   secrets and certificates read anew
//!        ├─ connect   name resolved once, every address judged, TCP, TLS       → to an address that was judged
//!        └─ client    one request, one answer, connection closed               → Told
//! ```
//!
//! * No redirect is followed: a 3xx is an answer. No proxy variable is read, no cookie kept, no body decompressed, no
//!   connection used twice.
//! * What an answer costs is counted on the wire (inside TLS): status line, headers, framing and body.
//! * A secret sent in a header is looked for in the answer, and an answer that repeats it is withheld. The whole value
//!   is looked for, and each of its words of eight bytes and more (the token of `Bearer …`), as they are: a server that
//!   answers with the secret in another encoding gives it away, so do not allow paths that echo requests.
//! * Over plain HTTP, a body without a length ends where the server closes the connection: that such a body was cut
//!   short cannot be seen. Over TLS it can, and is an error.

mod act;
mod address;
mod answer;
mod call;
mod client;
mod connect;
mod endpoint;
mod line;
mod origin;
mod part;
mod policy;
mod prepare;
mod target;
mod way;
mod wire;
pub mod wit;

#[cfg(test)]
mod tests;

pub(in crate::grants) use answer::{contains, misframed};
pub(in crate::grants) use connect::{Fault as Unconnected, connect};
pub(in crate::grants) use way::Way;
pub(in crate::grants) use wire::{Meter, Wire};

pub use act::{Acted, Fault, act};
pub use address::{Standing, standing};
pub use call::{Ask, Header, Told};
pub use client::perform;
pub use endpoint::{Endpoint, RequestHeader, Value};
pub use line::{Line, Method};
pub use origin::{Host, Origin};
pub use target::Target;

/// The part of a run's state that belongs to `http`. It holds no connection: each call makes its own and closes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Bytes that the run may still receive through this capability.
    pub remaining: u64,
}

impl Http {
    /// A run's part; `bytes` is its limit of bytes received.
    pub fn new(bytes: u64) -> Self {
        Self { remaining: bytes }
    }
}
