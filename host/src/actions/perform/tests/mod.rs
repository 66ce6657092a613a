//! Actions on real servers and programs: what is carried out, its denied twin, and what nobody can know.

mod command;
mod file;
mod http;
mod redis;
mod rehearse;
mod sql;

use super::*;

fn acting() -> Acting {
    Acting { job: "watch".into(), action: "fix".into(), proposal: "p1".into() }
}

/// Does it; how it ended, and the detail.
async fn act(what: What) -> (Ended, String) {
    let Done { ended, detail, .. } = perform(&what, &acting()).await;
    assert!(detail.len() <= MOST && !detail.is_empty(), "{detail:?}");
    (ended, detail)
}
