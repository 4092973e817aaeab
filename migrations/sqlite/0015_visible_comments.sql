-- Counts of comments by some members read only this index: it holds the counted comments and nothing else.
DROP INDEX comments_by_post_and_author;
CREATE INDEX comments_by_post_and_author ON comments (post_id, author_id)
    WHERE deleted_at IS NULL AND author_deactivated = 0;
