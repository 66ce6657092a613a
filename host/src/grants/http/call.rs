//! Every call that a guest can make of `http`, and its answers, as `wit/http.wit` has them and as recordings hold them.

use serde::{Deserialize, Serialize};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// The answer with its body.
    Get {
        /// The endpoint's name in agent.toml.
        endpoint: String,
        /// Path and query as the guest wrote them.
        path: String,
    },
    /// The answer without a body.
    Head {
        /// The endpoint's name in agent.toml.
        endpoint: String,
        /// Path and query as the guest wrote them.
        path: String,
    },
}

/// A header of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Header {
    /// Lower case.
    pub name: String,
    /// What is not UTF-8 in it stands as U+FFFD.
    pub value: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// Whatever the server answered; every status is an answer.
    Response {
        /// 100 to 599.
        status: u16,
        /// In the order received, those of one name together; without `set-cookie`.
        headers: Vec<Header>,
        /// Whole. Empty for HEAD.
        #[serde(with = "crate::grants::bytes")]
        body: Vec<u8>,
        /// From the start of the call to the end of the body, connection and TLS included.
        elapsed_us: u64,
    },
}
