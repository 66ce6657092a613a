//! A real cluster of three primaries and a replica: well, without a replica, without a primary, with a slot that is on its way.

use crate::bed::{agent, await_status, await_that, expect, holds, look};
use crate::server::Redis;

const PATIENT: &str = "slow_command = \"1h\", latency = \"1h\"";

struct Cluster {
    primaries: Vec<Redis>,
    replica: Redis,
}

/// A third of the slots for each primary; the replica follows the second.
fn cluster() -> Cluster {
    let node = || Redis::start("cluster-enabled yes\ncluster-node-timeout 1000");
    let primaries: Vec<Redis> = std::iter::repeat_with(node).take(3).collect();
    let replica = node();
    for (primary, from) in primaries.iter().zip([0, 5_500, 11_000]) {
        let to = if from == 11_000 { 16_384 } else { from + 5_500 };
        let slots: Vec<String> = (from..to).map(|slot: u32| slot.to_string()).collect();
        assert_eq!(primary.send(&[&format!("CLUSTER ADDSLOTS {}", slots.join(" "))])[0], "+OK");
    }
    let first = &primaries[0];
    for other in primaries.iter().skip(1).chain([&replica]) {
        first.send(&[&format!("CLUSTER MEET 127.0.0.1 {}", other.port)]);
    }
    let all: Vec<&Redis> = primaries.iter().chain([&replica]).collect();
    let everywhere = |line: &str| all.iter().all(|node| node.send(&["CLUSTER INFO"]).contains(&line.to_owned()));
    await_that("the nodes to meet", || everywhere("cluster_known_nodes:4") && everywhere("cluster_state:ok"));
    let second = id(&primaries[1]);
    await_that("the replica to know its primary", || {
        replica.send(&[&format!("CLUSTER REPLICATE {second}")])[0] == "+OK"
    });
    await_that("the link", || replica.info("master_link_status").as_deref() == Some("up"));
    let known = || first.send(&["CLUSTER NODES"]).iter().any(|line| line.contains("slave") && line.contains(&second));
    await_that("the first node to know of the replica", known);
    Cluster { primaries, replica }
}

fn id(node: &Redis) -> String {
    node.send(&["CLUSTER MYID"])[1].clone()
}

#[test]
fn a_whole_cluster_is_quiet_and_a_replica_that_is_gone_is_named() {
    let mut cluster = cluster();
    let first = &cluster.primaries[0];
    let agent = agent(&first.table("cache", ""), "redis = [\"cache\"]", PATIENT);
    expect(&agent, "redis-cluster/cache", "ok", "all 16384 slots on 3 nodes");
    assert_eq!(look(&agent).complaints(), Vec::<String>::new());
    let port = cluster.replica.port;
    cluster.replica.kill();
    let gone = await_status(&agent, "redis-cluster/cache", "warning");
    holds(&gone, "redis-cluster/cache", "warning", &format!("1 node has failed: 127.0.0.1:{port} (replica)"));
    cluster.replica.start_again("");
    await_status(&agent, "redis-cluster/cache", "ok");
}

#[test]
fn a_primary_that_nobody_stands_by_for_leaves_slots_that_fail() {
    let mut cluster = cluster();
    let agent = agent(&cluster.primaries[0].table("cache", ""), "redis = [\"cache\"]", PATIENT);
    expect(&agent, "redis-cluster/cache", "ok", "");
    let port = cluster.primaries[2].port;
    cluster.primaries[2].kill();
    let failed = await_status(&agent, "redis-cluster/cache", "critical");
    holds(&failed, "redis-cluster/cache", "critical", "5384 of 16384 slots fail");
    holds(&failed, "redis-cluster/cache", "critical", &format!("failed: 127.0.0.1:{port} (primary)"));
    cluster.primaries[2].start_again("");
    await_status(&agent, "redis-cluster/cache", "ok");
}

#[test]
fn a_slot_on_its_way_is_seen_and_without_the_right_to_look_at_nodes_that_is_said() {
    let cluster = cluster();
    let (first, other) = (&cluster.primaries[0], id(&cluster.primaries[1]));
    let agent = agent(&first.table("cache", ""), "redis = [\"cache\"]", PATIENT);
    assert_eq!(first.send(&[&format!("CLUSTER SETSLOT 7 MIGRATING {other}")])[0], "+OK");
    // A move under way is no fault.
    let moving = expect(&agent, "redis-cluster/cache", "ok", "");
    let evidence = moving.finding("redis-cluster/cache")["evidence"].to_string();
    assert!(evidence.contains("slots_on_their_way") && evidence.contains("\"1\""), "{evidence}");
    if crate::server::version() >= 7 {
        first.send(&["ACL SETUSER default -cluster|nodes"]);
        expect(&agent, "redis-cluster/cache", "ok", "single nodes are not looked at");
        first.send(&["ACL SETUSER default -cluster|info"]);
        let barred = expect(&agent, "redis-cluster/cache", "unknown", "no-privilege");
        holds(&barred, "redis-cluster/cache", "unknown", "+cluster|info");
    }
}
