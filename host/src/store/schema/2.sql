-- What a run asked of the host.

ALTER TABLE run ADD COLUMN trail TEXT;                 -- JSON: kinds of call with counts, denials; NULL: none, or before this version
