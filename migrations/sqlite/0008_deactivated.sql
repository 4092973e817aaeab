-- The glossary's words: a deactivated member, and an author whose posts are not public.
ALTER TABLE comments RENAME COLUMN author_gone TO author_deactivated;
DROP INDEX members_reticent;
CREATE INDEX members_non_public ON members (privacy) WHERE privacy > 0;
