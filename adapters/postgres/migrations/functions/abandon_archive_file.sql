-- Gives up a file of the archive that holds no basket, so that it can be deleted: no basket moves to it any more. Returns
-- false, and changes nothing, where the file holds one.
CREATE OR REPLACE FUNCTION abandon_archive_file(archive_file text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $function$
BEGIN
    -- The lock of archive_baskets(): a basket moves before this, or not at all.
    PERFORM pg_advisory_xact_lock(7208041002);
    IF EXISTS (SELECT FROM archived_baskets WHERE file = archive_file AND restored_at IS NULL) THEN
        RETURN false;
    END IF;
    INSERT INTO abandoned_archive_files (file) VALUES (archive_file) ON CONFLICT DO NOTHING;
    RETURN true;
END
$function$;
