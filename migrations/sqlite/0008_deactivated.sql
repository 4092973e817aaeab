-- One word: a member who has closed the account is deactivated.
ALTER TABLE comments RENAME COLUMN author_gone TO author_deactivated;
