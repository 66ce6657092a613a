//! The place of `http` among the capabilities.

use super::{Ask, Http, Told, perform};
use crate::grants::Granted;
use crate::grants::error::Error;
use crate::grants::part::{About, Part, Size};

impl Part for Http {
    const NAME: &'static str = "http";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        let (operation, endpoint, path) = match ask {
            Ask::Get { endpoint, path } => ("get", endpoint, path),
            Ask::Head { endpoint, path } => ("head", endpoint, path),
        };
        About { operation, grant: endpoint.clone(), text: Some(path.clone()) }
    }

    fn size(told: &Told) -> Size {
        let Told::Response { headers, body, .. } = told;
        let head: usize = headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        Size { rows: 1, bytes: (head + body.len()) as u64 }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        let (Ask::Get { endpoint, .. } | Ask::Head { endpoint, .. }) = ask;
        perform(self, granted.http(endpoint)?, ask).await
    }
}
