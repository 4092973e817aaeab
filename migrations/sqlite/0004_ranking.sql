-- The same rows by post and hour: what a post gathered since some hour is one range.
CREATE TABLE post_views_by_hour (
    post_id   INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    hour      INTEGER NOT NULL,
    member_id INTEGER NOT NULL,
    PRIMARY KEY (post_id, hour, member_id)
) WITHOUT ROWID;
INSERT INTO post_views_by_hour (post_id, hour, member_id) SELECT post_id, hour, member_id FROM post_views;
DROP TABLE post_views;
ALTER TABLE post_views_by_hour RENAME TO post_views;
CREATE INDEX post_views_of_hour ON post_views (hour);

-- With what else is asked of a row, so that counting since some time reads nothing but the index.
DROP INDEX post_likes_by_post;
CREATE INDEX post_likes_by_post ON post_likes (post_id, id, member_id);
CREATE INDEX comments_visible ON comments (post_id, id, deleted_at, author_gone)
    WHERE deleted_at IS NULL AND author_gone = 0;

-- A day is a date of the configured zone.
CREATE TABLE daily_top3 (
    day    TEXT PRIMARY KEY,
    -- The best that everybody may see, as ids: what the last event about this day was about.
    shown  TEXT NOT NULL,
    -- The best with their scores, as [[id, score]]; none while the day runs.
    frozen TEXT
) WITHOUT ROWID;

-- Which day an event was about. As long as the event itself is kept.
CREATE TABLE daily_top3_changes (
    position INTEGER PRIMARY KEY,
    day      TEXT NOT NULL
);
