-- Housekeeping deletes revocations whose tokens have expired, in steps.
CREATE INDEX revocations_by_expiry ON revocations (tokens_until);
CREATE INDEX member_revocations_by_expiry ON member_revocations (tokens_until);
