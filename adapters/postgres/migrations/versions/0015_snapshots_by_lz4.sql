-- To compress snapshots as PostgreSQL does by default costs more than everything else in writing their rows; lz4 takes a
-- fraction of that, and 6 % more disk. A server that was built without it goes on as before. Rows that are there stay
-- as they were written, and are read whatever they are.
DO $by_lz4$
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE basket_views ALTER COLUMN snapshot SET COMPRESSION lz4;
    END IF;
END
$by_lz4$;
