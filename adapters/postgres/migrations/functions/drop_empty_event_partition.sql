-- Drops one partition of `events` of past months that holds nothing any more, and returns its name; NULL: there is none.
-- It waits for a lock for a moment at most, and raises lock_not_available after that. (PostgreSQL detaches nothing
-- concurrently from a table with a default partition.)
CREATE OR REPLACE FUNCTION drop_empty_event_partition() RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '200ms'
AS $function$
DECLARE
    old  text;
    used boolean;
BEGIN
    FOR old IN SELECT name FROM event_partitions WHERE ends < now() - interval '1 day' ORDER BY ends LOOP
        -- As long as VACUUM has not cut it off, a search for events is long.
        CONTINUE WHEN pg_relation_size(old::regclass) > 32 * 1024 * 1024;
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', old) INTO used;
        CONTINUE WHEN used;
        -- Nothing comes in from here on.
        LOCK TABLE events IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', old) INTO used;
        IF NOT used THEN
            EXECUTE format('ALTER TABLE events DETACH PARTITION %I', old);
            EXECUTE format('DROP TABLE %I', old);
            RETURN old;
        END IF;
    END LOOP;
    RETURN NULL;
END
$function$;
