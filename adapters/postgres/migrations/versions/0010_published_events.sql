-- The name of the event that was published last, so that a store with another history is noticed: after a restore
-- positions are given anew. Null: a release before this one published it.
ALTER TABLE publisher_positions ADD COLUMN event text COLLATE "C";
