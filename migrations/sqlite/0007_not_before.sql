-- Members whose older sessions were all ended: tokens of sessions below `before_session` are void, but for the one kept.
-- A row stays until the last of those tokens has run out. Ids of sessions grow with the commits that make them.
CREATE TABLE member_revocations (
    member_id      INTEGER PRIMARY KEY,
    before_session INTEGER NOT NULL,
    kept_session   INTEGER,
    tokens_until   INTEGER NOT NULL
);
