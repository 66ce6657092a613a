//! The reply to CLUSTER NODES: who is gone, and which slots are on their way from one node to another.

/// What one node says of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nodes {
    /// Nodes that the cluster agrees have failed: address, and whether replica or primary.
    pub(crate) failed: Vec<String>,
    /// Nodes that this one alone does not hear of.
    pub(crate) doubted: Vec<String>,
    /// Slots that this node gives away or takes in, each with the other node's id: `7 -> 3f2a…`.
    pub(crate) moving: Vec<String>,
}

impl Nodes {
    /// Reads the lines: id, address, flags, primary, ping, pong, epoch, link, slots.
    pub(crate) fn parse(text: &str) -> Self {
        let mut nodes = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ').skip(1);
            let (Some(address), Some(flags)) = (words.next(), words.next()) else { continue };
            let has = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
            let role = if has("slave") { "replica" } else { "primary" };
            let node = format!("{} ({role})", address.split(['@', ',']).next().unwrap_or(address));
            if has("fail") {
                nodes.failed.push(node);
            } else if has("fail?") {
                nodes.doubted.push(node);
            }
            if has("myself") {
                nodes.moving.extend(words.skip(5).filter_map(moving));
            }
        }
        nodes
    }
}

/// `[93->-ID]` is given away to that node, `[77-<-ID]` comes from it.
fn moving(word: &str) -> Option<String> {
    let word = word.strip_prefix('[')?.strip_suffix(']')?;
    let (slot, arrow, id) = match word.split_once("->-") {
        Some((slot, id)) => (slot, "to", id),
        None => word.split_once("-<-").map(|(slot, id)| (slot, "from", id))?,
    };
    Some(format!("slot {slot} {arrow} {}", id.chars().take(8).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::Nodes;

    #[test]
    fn failed_nodes_and_moving_slots_are_read() {
        let nodes = Nodes::parse(
            "07c3 127.0.0.1:30004@31004,host slave e7d1 0 1426238317239 4 connected\n\
             67ed 127.0.0.1:30002@31002 master,fail - 0 1426238316232 2 disconnected 5461-10922\n\
             292f 127.0.0.1:30003@31003 slave,fail? 67ed 0 1 3 connected\n\
             e7d1 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460 [93->-292f8b365bb7] [77-<-e7d1eecc]\n\n",
        );
        assert_eq!(nodes.failed, ["127.0.0.1:30002 (primary)"]);
        assert_eq!(nodes.doubted, ["127.0.0.1:30003 (replica)"]);
        assert_eq!(nodes.moving, ["slot 93 to 292f8b36", "slot 77 from e7d1eecc"]);
        assert_eq!(Nodes::parse("ERR nonsense"), Nodes::default());
    }
}
