-- What is known of each image; the bytes are kept beside the database. No references: a row stays until the sweep has
-- taken it, and the bytes with it.
CREATE TABLE images (
    id              INTEGER PRIMARY KEY,
    owner_id        INTEGER NOT NULL,
    -- 0 for a profile, 1 for a post.
    purpose         INTEGER NOT NULL CHECK (purpose BETWEEN 0 AND 1),
    post_id         INTEGER,
    -- 0 JPEG, 1 PNG.
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 1),
    width           INTEGER NOT NULL CHECK (width > 0),
    height          INTEGER NOT NULL CHECK (height > 0),
    original_bytes  INTEGER NOT NULL,
    original_tag    TEXT    NOT NULL,
    thumbnail_bytes INTEGER NOT NULL,
    thumbnail_tag   TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    -- Since when it is on nothing; none while it is on a post or a profile.
    unused_since    INTEGER
);
CREATE INDEX images_by_post ON images (post_id) WHERE post_id IS NOT NULL;
CREATE INDEX images_by_owner ON images (owner_id, unused_since);
CREATE INDEX images_unused ON images (unused_since) WHERE unused_since IS NOT NULL;

-- What a post shows of them, so that reading a post asks for nothing else.
ALTER TABLE posts ADD COLUMN images TEXT NOT NULL DEFAULT '[]';
ALTER TABLE members ADD COLUMN avatar_id INTEGER;

-- What is purged leaves its images to the next sweep.
CREATE TRIGGER images_of_purged_posts AFTER DELETE ON posts WHEN old.images <> '[]' BEGIN
    UPDATE images SET post_id = NULL, unused_since = 0 WHERE post_id = old.id;
END;
CREATE TRIGGER images_of_purged_members AFTER DELETE ON members BEGIN
    UPDATE images SET post_id = NULL, unused_since = 0 WHERE owner_id = old.id;
END;
