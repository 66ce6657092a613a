//! The contract's side of `http`.

use super::{Ask, Http, Told};
use crate::contract::pgreeve::plugin::errors::Error;
use crate::contract::pgreeve::plugin::http as contract;
use crate::grants::Call;

type Answer = wasmtime::Result<Result<contract::Response, Error>>;

impl contract::Host for Call<'_, Http> {
    async fn get(&mut self, endpoint: String, path: String) -> Answer {
        Ok(self.ask(Ask::Get { endpoint, path }).await?.map(response).map_err(Into::into))
    }

    async fn head(&mut self, endpoint: String, path: String) -> Answer {
        Ok(self.ask(Ask::Head { endpoint, path }).await?.map(response).map_err(Into::into))
    }
}

fn response(Told::Response { status, headers, body, elapsed_us }: Told) -> contract::Response {
    let headers =
        headers.into_iter().map(|header| contract::Header { name: header.name, value: header.value }).collect();
    contract::Response { status, headers, body, elapsed_us }
}
