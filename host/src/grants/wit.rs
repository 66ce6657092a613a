//! Errors on their way into the contract.

use super::error::{Error, Limit};
use crate::contract::pgreeve::plugin::errors as contract;

impl From<Error> for contract::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(text) => Self::Denied(text),
            Error::LimitExceeded(limit) => Self::LimitExceeded(match limit {
                Limit::Rows => contract::Limit::Rows,
                Limit::Bytes => contract::Limit::Bytes,
                Limit::Time => contract::Limit::Time,
                Limit::Calls => contract::Limit::Calls,
                Limit::Handles => contract::Limit::Handles,
                Limit::Quota => contract::Limit::Quota,
            }),
            Error::Unreachable(text) => Self::Unreachable(text),
            Error::TimedOut(text) => Self::TimedOut(text),
            Error::Invalid(text) => Self::Invalid(text),
            Error::Remote { code, message, detail, hint } => {
                Self::Remote(contract::RemoteError { code, message, detail, hint })
            }
        }
    }
}
