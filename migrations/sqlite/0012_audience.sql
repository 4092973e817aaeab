-- The audience of a post: 0 public, 1 followers, 2 mentioned, 3 its author alone. Posts from before had none: they stay
-- public, so that the privacy of their author alone decides about them, as it did when they were written.
ALTER TABLE posts ADD COLUMN audience INTEGER NOT NULL DEFAULT 0 CHECK (audience BETWEEN 0 AND 3);
-- In the events about a post itself; 0 in any other event.
ALTER TABLE events ADD COLUMN audience INTEGER NOT NULL DEFAULT 0;
