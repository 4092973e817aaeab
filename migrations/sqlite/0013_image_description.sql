-- The content of an image, in words; NULL if its owner wrote none. The post that shows the image has it in its list of
-- images too, where a missing `description` is none.
ALTER TABLE images ADD COLUMN description TEXT;
