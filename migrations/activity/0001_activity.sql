-- A projection of the event log, in a file of its own: everything here can be built again from the log. Ids are
-- positions of events. Times are milliseconds since 1970 unless the name says otherwise.

-- Which log was read, and how far. Changes in the commit of the rows that were made of it.
CREATE TABLE reader (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    epoch    INTEGER NOT NULL,
    position INTEGER NOT NULL
);

CREATE TABLE activities (
    id          INTEGER PRIMARY KEY,
    message_key TEXT    NOT NULL UNIQUE,
    kind        INTEGER NOT NULL,
    member_id   INTEGER NOT NULL,
    post_id     INTEGER,
    comment_id  INTEGER,
    target_id   INTEGER,
    at_ns       INTEGER NOT NULL
);
CREATE INDEX activities_by_member ON activities (member_id, id);
CREATE INDEX activities_by_kind ON activities (member_id, kind, id);
-- Kinds 19 and 20: members who left and who came back.
CREATE INDEX activities_of_leaving ON activities (kind, member_id, id) WHERE kind IN (19, 20);

CREATE TABLE notifications (
    id         INTEGER PRIMARY KEY,
    member_id  INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    actor_id   INTEGER NOT NULL,
    post_id    INTEGER,
    comment_id INTEGER,
    at         INTEGER NOT NULL
);
CREATE INDEX notifications_by_member ON notifications (member_id, id);
-- What is taken back is found by what it was about.
CREATE INDEX notifications_by_post ON notifications (post_id, kind, actor_id) WHERE post_id IS NOT NULL;
CREATE INDEX notifications_by_comment ON notifications (comment_id, kind, actor_id) WHERE comment_id IS NOT NULL;
CREATE INDEX notifications_between ON notifications (member_id, actor_id, kind) WHERE kind >= 6;

-- Events that could not be applied.
CREATE TABLE dead_letters (
    id          INTEGER PRIMARY KEY,
    message_key TEXT    NOT NULL,
    at_ns       INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    member_id   INTEGER NOT NULL,
    post_id     INTEGER,
    comment_id  INTEGER,
    target_id   INTEGER,
    payload     TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    -- When it is tried again without being asked to.
    next_at     INTEGER NOT NULL,
    -- What it would tell has been taken back since: only the activity is left to be stored.
    withdrawn   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX dead_letters_due ON dead_letters (next_at);
