-- PostgreSQL's default compression of snapshots costs more than the rest of writing their rows. lz4 takes a fraction of
-- that, and 6 % more disk. A server without lz4 continues as before. Existing rows stay as they are; both kinds are
-- readable.
DO $by_lz4$
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE basket_views ALTER COLUMN snapshot SET COMPRESSION lz4;
    END IF;
END
$by_lz4$;
