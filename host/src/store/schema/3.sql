-- What plugins proposed, and what became of it.

CREATE TABLE proposal (
    id            TEXT    PRIMARY KEY,                 -- of job, plugin digest, action, target, arguments, findings
    identity      TEXT    NOT NULL,                    -- the same without the plugin's digest
    job           TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    plugin_digest TEXT    NOT NULL,
    told          TEXT    NOT NULL,                    -- JSON: as the plugin made it
    lines         TEXT    NOT NULL,                    -- JSON: what would be done, line by line
    risk          TEXT    NOT NULL,
    repeatable    INTEGER NOT NULL,
    state         TEXT    NOT NULL,
    why           TEXT,                                -- of the state
    who           TEXT,                                -- approved or rejected it
    until         INTEGER,                             -- the approval's end
    first         INTEGER NOT NULL,
    seen          INTEGER NOT NULL,
    changed       INTEGER NOT NULL,                    -- when it took this state
    failures      INTEGER NOT NULL                     -- attempts in a row that did not clear the findings
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_by_job ON proposal (job, state);
CREATE INDEX proposal_by_identity ON proposal (identity);

-- Everything that was begun. A row without `ended` when the agent starts: nobody knows whether it happened.
CREATE TABLE attempt (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    proposal TEXT    NOT NULL,
    job      TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    who      TEXT    NOT NULL,
    begun    INTEGER NOT NULL,
    ended    INTEGER,
    result   TEXT,                                     -- done, failed, uncertain, refused
    detail   TEXT,
    verdict  TEXT                                      -- verified, ineffective, unverified; NULL: not yet
) STRICT;
CREATE INDEX attempt_by_action ON attempt (job, action, begun);
CREATE INDEX attempt_by_proposal ON attempt (proposal);
CREATE INDEX attempt_under_way ON attempt (id) WHERE ended IS NULL;
