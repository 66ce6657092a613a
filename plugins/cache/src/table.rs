//! The checks' ids, titles and what their answers mean; docs/plugin-cache.md has more.

/// In the order of the page.
pub(crate) const CHECKS: [(&str, &str, &str); 22] = [
    (
        "buffer",
        "PostgreSQL",
        "Which server was seen. `unknown`: it could not be asked, and nothing else of it is judged.",
    ),
    (
        "buffer-hit",
        "Buffer cache hit rate",
        "Share of the blocks asked for that were in shared_buffers, by database, between two runs. Low: see which tables read.",
    ),
    (
        "buffer-tables",
        "Tables that read",
        "The tables of the scope's database with the most blocks read between two runs.",
    ),
    ("buffer-size", "Size of the buffer cache", "With pg_buffercache: whether shared_buffers holds the working set."),
    (
        "redis",
        "Redis answers",
        "Whether the server answers, loads its data, or was restarted. Without an answer nothing else is judged.",
    ),
    ("redis-role", "Role", "Whether it is primary or replica as it should be. A change is a warning once."),
    (
        "redis-link",
        "Replication link",
        "Whether a replica has its primary, and a primary the replicas that it should have.",
    ),
    (
        "redis-memory",
        "Memory",
        "Against maxmemory and its policy, or against the host's memory. Full without eviction refuses writes.",
    ),
    ("redis-evictions", "Evictions", "Keys evicted and expired per second."),
    (
        "redis-hit",
        "Hit rate",
        "Share of lookups that found their key, between two runs. `idle`: nobody looked anything up.",
    ),
    ("redis-fragmentation", "Fragmentation", "Resident memory against used memory: waste, or swap."),
    ("redis-clients", "Clients", "Connections against maxclients."),
    ("redis-rejected", "Rejected connections", "Connections that were refused because maxclients was reached."),
    ("redis-persistence", "Persistence", "Whether the last snapshot and the append-only file could be written."),
    (
        "redis-errors",
        "Errors to clients",
        "Replies such as OOM, MISCONF, MASTERDOWN that clients got between two runs.",
    ),
    ("redis-slowlog", "Slow log", "Commands that kept everybody else waiting."),
    ("redis-latency", "Latency", "Events of the latency monitor, where it is on."),
    ("redis-cluster", "Cluster", "State and slots."),
    (
        "http",
        "Application answers",
        "Whether the endpoint tells of its cache: in time, in JSON, with numbers that can be true.",
    ),
    ("http-hit", "Application's hit rate", "Against the alert and the target, in the unit that the settings name."),
    ("http-warm", "Cold cache", "A low hit rate that warming might mend, and whether the last warming moved anything."),
    ("http-bypass", "Bypass", "Whether the application does without a cache that is down, and uses one that is back."),
];
