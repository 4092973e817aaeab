-- Times are milliseconds since 1970 unless the name says otherwise. Ids are 53-bit and ordered by time.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE members (
    id              INTEGER PRIMARY KEY,
    email           TEXT    NOT NULL,
    email_key       TEXT    NOT NULL UNIQUE,
    handle          TEXT    NOT NULL,
    handle_key      TEXT    NOT NULL UNIQUE,
    password_hash   TEXT    NOT NULL,
    member_name     TEXT    NOT NULL,
    display_name    TEXT,
    bio             TEXT,
    location        TEXT,
    website_url     TEXT,
    birth_date      TEXT,
    gender          TEXT,
    language_code   TEXT,
    country_code    TEXT,
    timezone        TEXT,
    follower_count  INTEGER NOT NULL DEFAULT 0 CHECK (follower_count >= 0),
    following_count INTEGER NOT NULL DEFAULT 0 CHECK (following_count >= 0),
    post_count      INTEGER NOT NULL DEFAULT 0 CHECK (post_count >= 0),
    created_at      INTEGER NOT NULL,
    deactivated_at  INTEGER
);
CREATE INDEX members_deactivated ON members (deactivated_at) WHERE deactivated_at IS NOT NULL;

CREATE TABLE follows (
    id          INTEGER PRIMARY KEY,
    follower_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    followee_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    UNIQUE (follower_id, followee_id)
);
CREATE INDEX follows_by_followee ON follows (followee_id, id);
CREATE INDEX follows_by_follower ON follows (follower_id, id);

CREATE TABLE sessions (
    id           INTEGER PRIMARY KEY,
    member_id    INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    device       TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    secret       BLOB    NOT NULL,
    generation   INTEGER NOT NULL,
    rotated_at   INTEGER NOT NULL
);
CREATE INDEX sessions_by_member ON sessions (member_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Sessions that were ended while their access tokens still run.
CREATE TABLE revocations (
    session_id   INTEGER PRIMARY KEY,
    tokens_until INTEGER NOT NULL
);

CREATE TABLE jwt_keys (
    id          TEXT    PRIMARY KEY,
    secret      BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    replaced_at INTEGER,
    disabled_at INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX jwt_keys_one_primary ON jwt_keys (replaced_at IS NULL) WHERE replaced_at IS NULL;

CREATE TABLE posts (
    id            INTEGER PRIMARY KEY,
    author_id     INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    -- Of the event that created it: a page shows what was there when its cursor was made.
    position      INTEGER NOT NULL,
    title         TEXT,
    content       TEXT    NOT NULL,
    tags          TEXT    NOT NULL DEFAULT '[]',
    mentions      TEXT    NOT NULL DEFAULT '[]',
    view_count    INTEGER NOT NULL DEFAULT 0 CHECK (view_count >= 0),
    like_count    INTEGER NOT NULL DEFAULT 0 CHECK (like_count >= 0),
    comment_count INTEGER NOT NULL DEFAULT 0 CHECK (comment_count >= 0),
    created_at    INTEGER NOT NULL,
    edited_at     INTEGER,
    deleted_at    INTEGER
);
CREATE INDEX posts_by_author ON posts (author_id, deleted_at, id);
CREATE INDEX posts_deleted ON posts (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE post_tags (
    tag     TEXT    NOT NULL,
    post_id INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, post_id)
) WITHOUT ROWID;
CREATE INDEX post_tags_by_post ON post_tags (post_id);

CREATE TABLE post_likes (
    id        INTEGER PRIMARY KEY,
    post_id   INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    member_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    UNIQUE (post_id, member_id)
);
CREATE INDEX post_likes_by_post ON post_likes (post_id, id);
CREATE INDEX post_likes_by_member ON post_likes (member_id, id);

CREATE TABLE post_views (
    post_id   INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    member_id INTEGER NOT NULL,
    hour      INTEGER NOT NULL,
    PRIMARY KEY (post_id, member_id, hour)
) WITHOUT ROWID;

CREATE TABLE comments (
    id            INTEGER PRIMARY KEY,
    post_id       INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    parent_id     INTEGER REFERENCES comments (id) ON DELETE CASCADE,
    depth         INTEGER NOT NULL CHECK (depth BETWEEN 0 AND 2),
    -- No reference: a tombstone outlives its author.
    author_id     INTEGER NOT NULL,
    content       TEXT    NOT NULL,
    like_count    INTEGER NOT NULL DEFAULT 0 CHECK (like_count >= 0),
    -- Visible replies directly below, and visible comments anywhere below.
    reply_count   INTEGER NOT NULL DEFAULT 0 CHECK (reply_count >= 0),
    below_count   INTEGER NOT NULL DEFAULT 0 CHECK (below_count >= 0),
    created_at    INTEGER NOT NULL,
    edited_at     INTEGER,
    deleted_at    INTEGER,
    -- Written by a member who has left. Kept here so that no list needs to ask.
    author_gone   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX comments_by_post ON comments (post_id, parent_id, id);
CREATE INDEX comments_by_parent ON comments (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX comments_by_author ON comments (author_id, id);

CREATE TABLE comment_likes (
    id         INTEGER PRIMARY KEY,
    comment_id INTEGER NOT NULL REFERENCES comments (id) ON DELETE CASCADE,
    member_id  INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    UNIQUE (comment_id, member_id)
);
CREATE INDEX comment_likes_by_member ON comment_likes (member_id, id);

-- The outbox and, in this profile, the log itself.
CREATE TABLE events (
    position   INTEGER PRIMARY KEY,
    at_ns      INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    member_id  INTEGER NOT NULL,
    post_id    INTEGER,
    comment_id INTEGER,
    target_id  INTEGER
);
-- Kinds 1 to 3: posts created, updated, deleted. A stream that resumes seeks its authors here.
CREATE INDEX events_of_posts ON events (member_id, position) WHERE kind <= 3;

CREATE TABLE receipts (
    scope       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    status      INTEGER NOT NULL,
    location    TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX receipts_by_age ON receipts (at);
