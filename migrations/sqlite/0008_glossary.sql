-- Names of the glossary: a deactivated member, and an author whose posts are not public.
ALTER TABLE comments RENAME COLUMN author_gone TO author_deactivated;
DROP INDEX members_reticent;
CREATE INDEX members_non_public ON members (privacy) WHERE privacy > 0;
-- A generation is a ranking; a session counts the rotations of its refresh token.
ALTER TABLE sessions RENAME COLUMN generation TO rotation;
