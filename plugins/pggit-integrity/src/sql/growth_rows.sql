-- Rows of the history.
SELECT count(*) AS rows FROM pggit.history
