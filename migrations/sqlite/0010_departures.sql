-- A counter counts exactly the rows whose flag is set. Deactivation and restore change flags and counters in steps.
-- The follower is in `follower_count` of the followee, and the followee in `following_count` of the follower.
ALTER TABLE follows ADD COLUMN follower_counted INTEGER NOT NULL DEFAULT 1;
ALTER TABLE follows ADD COLUMN followee_counted INTEGER NOT NULL DEFAULT 1;
ALTER TABLE post_likes ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;
ALTER TABLE comment_likes ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;
-- Has no meaning in a deleted comment, which is never counted.
ALTER TABLE comments ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;

UPDATE follows SET follower_counted = 0
    WHERE follower_id IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL);
UPDATE follows SET followee_counted = 0
    WHERE followee_id IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL);
UPDATE post_likes SET counted = 0
    WHERE member_id IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL);
UPDATE comment_likes SET counted = 0
    WHERE member_id IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL);
UPDATE comments SET counted = 0
    WHERE author_id IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL);

-- Whether an author is hidden is asked of the member.
DROP INDEX comments_visible;
ALTER TABLE comments DROP COLUMN author_deactivated;
CREATE INDEX comments_counted ON comments (post_id, id, deleted_at, counted) WHERE deleted_at IS NULL AND counted = 1;

-- Members whose flags do not all agree with `deactivated_at` yet, and where the next step continues.
CREATE TABLE departures (
    member_id INTEGER PRIMARY KEY REFERENCES members (id) ON DELETE CASCADE,
    -- 1 after a deactivation, 0 after a restore.
    leaving   INTEGER NOT NULL CHECK (leaving BETWEEN 0 AND 1),
    -- 0 comments, 1 likes of posts, 2 likes of comments, 3 follows of others, 4 followers.
    phase     INTEGER NOT NULL,
    after_id  INTEGER NOT NULL
);
-- Members whose posts became public and whose pending follow requests are accepted in steps.
CREATE TABLE acceptances (
    member_id INTEGER PRIMARY KEY REFERENCES members (id) ON DELETE CASCADE
);
