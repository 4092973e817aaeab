-- Counts of comments by some members read only this index.
DROP INDEX comments_by_post_and_author;
CREATE INDEX comments_by_post_and_author ON comments (post_id, author_id, counted) WHERE deleted_at IS NULL;
