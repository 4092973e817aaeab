-- An image's address holds its key, so that nobody finds an image by counting. A post shows the key in its list of
-- images, and a member's row has it beside the picture's id, so that reading either asks for nothing else.
ALTER TABLE images ADD COLUMN key BLOB NOT NULL DEFAULT x'';
UPDATE images SET key = randomblob(16);
ALTER TABLE members ADD COLUMN avatar_key BLOB;
UPDATE members SET avatar_key = (SELECT key FROM images WHERE id = avatar_id) WHERE avatar_id IS NOT NULL;
-- An image that is not there any more gets a key that opens nothing.
UPDATE posts SET images = (
    SELECT json_group_array(json_set(j.value, '$.key', lower(hex(coalesce(i.key, randomblob(16))))) ORDER BY j.key)
    FROM json_each(posts.images) j LEFT JOIN images i ON i.id = j.value->>'id'
) WHERE images <> '[]';
