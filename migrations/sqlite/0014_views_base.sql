-- Views of a post whose rows were folded: `view_count` is this number plus the rows of the post in `post_views`.
ALTER TABLE posts ADD COLUMN views_base INTEGER NOT NULL DEFAULT 0 CHECK (views_base >= 0);
