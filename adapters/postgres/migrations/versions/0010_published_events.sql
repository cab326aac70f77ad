-- The name of the event that was published last. It reveals a store with another history, because positions are assigned
-- again after a restore. Null: an earlier release published it.
ALTER TABLE publisher_positions ADD COLUMN event text COLLATE "C";
