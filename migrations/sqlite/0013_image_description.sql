-- What an image shows, in words; none if its owner wrote none. A post shows it in its list of images as well, where a
-- missing `description` is none.
ALTER TABLE images ADD COLUMN description TEXT;
