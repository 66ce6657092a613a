-- The store's first schema. Times are microseconds since the epoch, UTC; words are those of report.rs.

CREATE TABLE run (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id is never given twice, whatever was pruned
    job           TEXT    NOT NULL,
    plugin        TEXT    NOT NULL,
    plugin_digest TEXT,                                -- NULL: the plugin could not be read
    cause         TEXT    NOT NULL,
    due           INTEGER,                             -- NULL: not scheduled
    started       INTEGER NOT NULL,
    finished      INTEGER,                             -- NULL: under way, and so are all columns below
    outcome       TEXT,
    status        TEXT,                                -- NULL: the run says nothing about the job (skipped)
    message       TEXT,
    advice        TEXT,
    broken_limit  TEXT,
    report        TEXT,                                -- JSON: findings, proposals; metrics are in sample
    duration_us   INTEGER,
    queries       INTEGER,
    rows          INTEGER,
    bytes         INTEGER,
    database_us   INTEGER
) STRICT;
CREATE INDEX run_by_start ON run (started);
CREATE INDEX run_by_job ON run (job, started);
CREATE INDEX run_under_way ON run (id) WHERE finished IS NULL;

-- What must be known of a job at once, and what retention keeps: one row for each job that ever ran.
CREATE TABLE job (
    name       TEXT PRIMARY KEY,
    newest_run INTEGER,                                -- begun or recorded last
    judged_run INTEGER,                                -- the last to end with a status
    last_due   INTEGER
) STRICT, WITHOUT ROWID;

-- The findings of each job's newest report. A finding that a later report does not name is deleted.
CREATE TABLE finding (
    job    TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    status TEXT    NOT NULL,
    since  INTEGER NOT NULL,                           -- when it took this status
    seen   INTEGER NOT NULL,
    run    INTEGER NOT NULL,                           -- that reported it last
    PRIMARY KEY (job, key)
) STRICT, WITHOUT ROWID;

-- A series names what is measured, once; a sample is two integers and a float.
CREATE TABLE series (
    id     INTEGER PRIMARY KEY,
    job    TEXT NOT NULL,
    metric TEXT NOT NULL,
    labels TEXT NOT NULL,                              -- JSON object, keys sorted
    unit   TEXT NOT NULL,
    UNIQUE (job, metric, labels, unit)
) STRICT;
CREATE TABLE sample (
    series INTEGER NOT NULL REFERENCES series (id),
    at     INTEGER NOT NULL,                           -- the end of the run that measured it
    value  REAL    NOT NULL,
    PRIMARY KEY (series, at)
) STRICT, WITHOUT ROWID;

-- What plugins remember from run to run.
CREATE TABLE memory (
    job   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (job, key)
) STRICT;

-- Times in which runs happened that could not be recorded.
CREATE TABLE gap (
    id    INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    runs  INTEGER NOT NULL,
    error TEXT    NOT NULL
) STRICT;

-- What the agent notes about itself.
CREATE TABLE note (
    name  TEXT PRIMARY KEY,
    value TEXT    NOT NULL,
    at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
