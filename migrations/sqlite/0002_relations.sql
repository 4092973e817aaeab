-- 0 everybody, 1 followers, 2 nobody else.
ALTER TABLE members ADD COLUMN privacy INTEGER NOT NULL DEFAULT 0 CHECK (privacy BETWEEN 0 AND 2);
CREATE INDEX members_reticent ON members (privacy) WHERE privacy > 0;

CREATE TABLE blocks (
    id         INTEGER PRIMARY KEY,
    member_id  INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    blocked_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    UNIQUE (member_id, blocked_id)
);
CREATE INDEX blocks_by_member ON blocks (member_id, id);
CREATE INDEX blocks_by_blocked ON blocks (blocked_id, member_id);

CREATE TABLE mutes (
    id         INTEGER PRIMARY KEY,
    member_id  INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    muted_id   INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    -- For good where there is none.
    expires_at INTEGER,
    UNIQUE (member_id, muted_id)
);
CREATE INDEX mutes_by_member ON mutes (member_id, id);
CREATE INDEX mutes_by_muted ON mutes (muted_id);
CREATE INDEX mutes_by_expiry ON mutes (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE follow_requests (
    id           INTEGER PRIMARY KEY,
    requester_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    target_id    INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    UNIQUE (requester_id, target_id)
);
CREATE INDEX follow_requests_by_target ON follow_requests (target_id, id);

-- Ids of the members whom a comment's text names, as JSON.
ALTER TABLE comments ADD COLUMN mentions TEXT NOT NULL DEFAULT '[]';

-- What an open stream is told of, by index: see `Audience`. The kinds are written as the query writes them.
DROP INDEX events_of_posts;
CREATE INDEX events_of_watched ON events (member_id, position) WHERE kind IN (1, 2, 3, 19, 27, 28);
CREATE INDEX events_by_actor ON events (member_id, position) WHERE kind IN (14, 22, 24, 31, 32, 34, 36);
CREATE INDEX events_by_target ON events (target_id, position) WHERE target_id IS NOT NULL;
CREATE INDEX events_for_everybody ON events (position) WHERE kind IN (37);

-- What members who are blocked did is taken off the counts of those who do not see them.
CREATE INDEX comments_by_post_and_author ON comments (post_id, author_id);
