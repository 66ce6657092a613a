//! `redis-cluster`: does this node see a cluster that serves every slot?

use pgreeve_sdk::{Finding, Reason, Seconds, Status};

use super::View;
use crate::answer::unanswered;

const ID: &str = "redis-cluster";

/// Slots of every cluster.
const SLOTS: u64 = 16_384;

/// From here on, in seconds, a slot is not being moved but was left on its way: `redis-cli --cluster reshard` moves one in seconds.
const MOVE: f64 = 900.0;

const SERVE: &str = "redis-cli CLUSTER NODES names the nodes that fail; start them, or let a replica take over (CLUSTER FAILOVER TAKEOVER \
                     there). Slots that nobody has: redis-cli --cluster check HOST:PORT, then --cluster fix";
const GONE: &str = "start it: until then whoever it stood by has no replica, or one fewer, to take over. A node that will not come back is \
                    forgotten by CLUSTER FORGET ID on every other node (redis-cli CLUSTER NODES has the id)";
const MOVING: &str = "redis-cli --cluster check HOST:PORT shows the slot on both nodes; --cluster fix ends the move. Clients are redirected \
                      (ASK) for its keys meanwhile, and commands on several of its keys fail (TRYAGAIN)";

/// Judges state and slots, and the nodes where they may be looked at.
pub(super) fn check(view: &View<'_>) -> Finding {
    let cluster = match &view.seen.cluster {
        None if view.info.flag("cluster_enabled").is_none() => {
            return view.untold(ID, "whether it is part of a cluster");
        }
        None => return view.not_applicable(ID, "no cluster"),
        Some(cluster) => cluster,
    };
    let told = match &cluster.info {
        Err(error) => return unanswered(ID, view.name, error),
        Ok(told) => told,
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
            .fact_or_none("slots_on_their_way", cluster.nodes.as_ref().ok().map(|nodes| nodes.moving.len()))
    };
    let (gone, doubted, moving) = match &cluster.nodes {
        Ok(nodes) => (nodes.failed.as_slice(), nodes.doubted.as_slice(), nodes.moving.as_slice()),
        Err(_) => Default::default(),
    };
    let bad = |status, summary: String, advice: &str| {
        let lines = [named("failed", gone), named("not heard of by this node", doubted), named("on their way", moving)];
        let lines: Vec<String> = lines.into_iter().flatten().collect();
        let finding = facts(view.finding(ID, status, summary)).advise(advice);
        if lines.is_empty() { finding } else { finding.explain(lines.join("\n")) }
    };
    let moved = Seconds(view.since.moving);
    if assigned < SLOTS {
        bad(Status::Critical, format!("state {state}: {} of {SLOTS} slots belong to no node", SLOTS - assigned), SERVE)
    } else if state != "ok" || failed > 0 {
        bad(Status::Critical, format!("state {state}: {failed} of {SLOTS} slots fail"), SERVE)
    } else if doubtful > 0 {
        let summary = format!("state {state}, but {doubtful} slots are on a node that does not answer this one");
        bad(Status::Warning, summary, SERVE)
    } else if !gone.is_empty() {
        let nodes = if gone.len() == 1 { "1 node has".to_owned() } else { format!("{} nodes have", gone.len()) };
        bad(Status::Warning, format!("all {SLOTS} slots are served, and {nodes} failed: {}", shown(gone)), GONE)
    } else if moved.0 >= MOVE {
        bad(Status::Warning, format!("{} on its way for {moved}: a move that was left half-way", shown(moving)), MOVING)
    } else {
        let unseen = match &cluster.nodes {
            Ok(_) => String::new(),
            Err(error) => format!("; single nodes are not looked at ({})", error.line()),
        };
        facts(view.ok(ID, format!("state ok, all {SLOTS} slots on {} nodes{unseen}", of("cluster_size"))))
    }
}

/// The first few of a list.
fn shown(list: &[String]) -> String {
    let rest = list.len().saturating_sub(3);
    let words = list.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if rest == 0 { words } else { format!("{words} and {rest} more") }
}

/// A line of the detail.
fn named(what: &str, list: &[String]) -> Option<String> {
    (!list.is_empty()).then(|| format!("{what}: {}", list.iter().take(20).cloned().collect::<Vec<_>>().join(", ")))
}
