//! The host's side of the contract, generated from `wit/`: one trait per imported interface, typed calls for the three exports.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: async | trappable },
    exports: { default: async },
    with: { "pgreeve:plugin/postgres.rows": crate::grants::postgres::Cursor },
});
