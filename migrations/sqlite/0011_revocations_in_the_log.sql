-- Revocations travel in the log: each row names the event of its commit, so that a reader of the log finds it. NULL for
-- a row without an event: one of an earlier version, or of an expired session that was pruned. Every start, and every
-- hourly round of housekeeping, reads all rows.
ALTER TABLE revocations ADD COLUMN position INTEGER;
CREATE INDEX revocations_by_position ON revocations (position) WHERE position IS NOT NULL;
ALTER TABLE member_revocations ADD COLUMN position INTEGER;
CREATE INDEX member_revocations_by_position ON member_revocations (position) WHERE position IS NOT NULL;
