//! What commands have in common that speak to a running agent.

use crate::client::{Client, ClientError};

use super::{Failure, load};

/// Asks the agent; nothing where none runs, or where this user may not ask it and may read its store instead.
pub(super) fn ask<T>(
    general: &load::General,
    ask: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
) -> Result<Option<T>, Failure> {
    let client = Client::new(&general.api.socket);
    match load::runtime()?.block_on(ask(&client)) {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::NoAgent { .. }) => Ok(None),
        Err(ClientError::NotAllowed { .. }) if load::is_ours(&general.agent.state_dir) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Orders something of the agent, which must be there.
pub(super) fn order<T>(
    general: &load::General,
    order: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
) -> Result<T, Failure> {
    let absent = || -> Failure { no_agent(general).into() };
    let client = Client::new(&general.api.socket);
    match load::runtime()?.block_on(order(&client)) {
        Err(ClientError::NoAgent { .. }) => Err(absent()),
        other => Ok(other?),
    }
}

/// Says that there is no agent to ask: none at all, or one that does not serve.
pub(super) fn no_agent(general: &load::General) -> String {
    let state_dir = general.agent.state_dir.display();
    match crate::store::AgentLock::holder(&general.agent.state_dir) {
        Ok(Some(pid)) => format!(
            "the agent on {state_dir} (pid {pid}) does not listen on {}; its log says why, and `kill -HUP {pid}` makes it reload",
            general.api.socket.display()
        ),
        Ok(None) => format!("no agent runs on {state_dir}"),
        Err(error) => format!(
            "no agent listens on {}, and whether one runs on {state_dir} cannot be told: {error}",
            general.api.socket.display()
        ),
    }
}
