-- To compress a snapshot of several kilobytes as PostgreSQL does by default costs more than everything else in writing
-- its row, and to compare two of them more than the comparison. Where the server was built with lz4, that does it at a
-- fraction. Where not, rows of up to a page are kept as they are: twice the disk, half the time. Rows that are there
-- stay as they were written, and are read whatever they are.
DO $cheaper$
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE basket_views ALTER COLUMN snapshot SET COMPRESSION lz4;
    ELSE
        ALTER TABLE basket_views SET (toast_tuple_target = 8160);
    END IF;
END
$cheaper$;
