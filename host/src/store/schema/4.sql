-- Where it would be done, as whom: an approval for one server is none for another that takes its name. Not known of what was proposed before this.
ALTER TABLE proposal ADD COLUMN address TEXT;
