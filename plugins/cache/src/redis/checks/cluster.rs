//! `redis-cluster`: does this node see a cluster that serves every slot?

use pgreeve_sdk::{Finding, Reason, Status};

use super::View;
use crate::answer::unanswered;

const ID: &str = "redis-cluster";

/// Slots of every cluster.
const SLOTS: u64 = 16_384;

/// Judges state and slots.
pub(super) fn check(view: &View<'_>) -> Finding {
    let told = match &view.seen.cluster {
        None if view.info.flag("cluster_enabled").is_none() => {
            return view.untold(ID, "whether it is part of a cluster");
        }
        None => return view.not_applicable(ID, "no cluster"),
        Some(Err(error)) => return unanswered(ID, view.name, error),
        Some(Ok(told)) => told,
    };
    let Some(state) = told.text("cluster_state") else {
        return Finding::unknown(ID, view.name, Reason::Failed, "CLUSTER INFO tells no cluster_state")
            .advise("redis-cli CLUSTER INFO");
    };
    let of = |key: &str| told.number(key).unwrap_or(0);
    let (assigned, failed, doubtful) =
        (of("cluster_slots_assigned"), of("cluster_slots_fail"), of("cluster_slots_pfail"));
    let facts = |finding: Finding| {
        finding
            .fact("state", state)
            .fact("slots_assigned", assigned)
            .fact("slots_fail", failed)
            .fact("slots_pfail", doubtful)
            .fact("nodes", of("cluster_known_nodes"))
    };
    let bad = |status, summary: String| {
        facts(view.finding(ID, status, summary)).advise(
            "redis-cli CLUSTER NODES names the nodes that fail; start them, or let a replica take over (CLUSTER FAILOVER TAKEOVER there). \
             Slots that nobody has: redis-cli --cluster check HOST:PORT, then --cluster fix",
        )
    };
    if assigned < SLOTS {
        bad(Status::Critical, format!("state {state}: {} of {SLOTS} slots belong to no node", SLOTS - assigned))
    } else if state != "ok" || failed > 0 {
        bad(Status::Critical, format!("state {state}: {failed} of {SLOTS} slots fail"))
    } else if doubtful > 0 {
        bad(Status::Warning, format!("state {state}, but {doubtful} slots are on a node that does not answer this one"))
    } else {
        facts(view.ok(ID, format!("state ok, all {SLOTS} slots on {} nodes", of("cluster_size"))))
    }
}
