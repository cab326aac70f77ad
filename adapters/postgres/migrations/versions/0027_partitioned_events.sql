-- Ids of baskets are UUIDs of version 7, so that a range of ids is a month of creation. The table of before becomes the
-- first partition, without a copy. A stream lies in one partition, so that its versions stay unique in the whole store.
-- A position is unique in its partition; in the store it is so because append_events() alone draws it, from one sequence.
\ir ../functions/first_basket_id.sql
\ir ../functions/append_events.sql
\ir ../functions/guard_events.sql
\ir ../functions/make_event_partition.sql
\ir ../functions/drop_empty_event_partition.sql

-- Writers and readers wait for a moment at most: whoever holds the table longer makes the migration try again.
DO $lock$
BEGIN
    FOR attempt IN 1..300 LOOP
        BEGIN
            SET LOCAL lock_timeout = '200ms';
            LOCK TABLE events IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.5);
        END;
    END LOOP;
    RAISE EXCEPTION 'other transactions have used events for minutes'
        USING ERRCODE = 'lock_not_available', HINT = 'Migrate again once they are over, for example a pg_dump.';
END
$lock$;

ALTER TABLE events RENAME TO events_first;
ALTER TABLE events_first RENAME CONSTRAINT events_pkey TO events_first_pkey;
ALTER TABLE events_first RENAME CONSTRAINT events_stream_version TO events_first_stream_version;

CREATE TABLE events (
    position    bigint NOT NULL,
    stream_id   text COLLATE "C" NOT NULL CONSTRAINT events_stream_id_check CHECK (stream_id <> ''),
    version     int NOT NULL CONSTRAINT events_version_check CHECK (version > 0),
    type        text COLLATE "C" NOT NULL,
    data        bytea NOT NULL,
    metadata    bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT events_stream_version UNIQUE (stream_id, version)
) PARTITION BY RANGE (stream_id);

-- The partitions: which baskets they hold, by their creation (NULL: without an end), and about how much.
CREATE VIEW event_partitions AS
SELECT class.relname::text AS name,
       to_timestamp(('x0000' || replace(substring(bound FROM $$FROM \('basket-([^']*)'\)$$), '-', ''))::bit(64)::bigint
                    / 1000.0) AS begins,
       to_timestamp(('x0000' || replace(substring(bound FROM $$TO \('basket-([^']*)'\)$$), '-', ''))::bit(64)::bigint
                    / 1000.0) AS ends,
       greatest(class.reltuples, 0)::bigint AS events,
       pg_total_relation_size(class.oid) AS bytes
  FROM pg_inherits JOIN pg_class class ON class.oid = inhrelid, pg_get_expr(class.relpartbound, class.oid) AS bound
 WHERE inhparent = 'events'::regclass;

-- Everything that people and processes may do with the table, they may do with the new one.
CREATE OR REPLACE VIEW readable_events AS
SELECT position, stream_id, version, type, recorded_at,
       replace(convert_from(data, 'UTF8'), '\u0000', '\ufffd')::jsonb AS data,
       replace(convert_from(metadata, 'UTF8'), '\u0000', '\ufffd')::jsonb AS metadata
  FROM events;

DO $partition$
DECLARE
    grants    text[] := ARRAY(
        SELECT format('GRANT %s ON %s TO %s', given.privilege_type,
                      CASE class.relkind WHEN 'S' THEN 'SEQUENCE events_position_seq' ELSE 'events' END,
                      CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::regrole::text END)
          FROM pg_class class, aclexplode(class.relacl) AS given
         WHERE class.oid IN ('events_first'::regclass, 'events_position_seq'::regclass)
           AND given.grantee <> class.relowner);
    granted   text;
    drawn     record;
    cut       text;  -- the first id behind the first partition
    -- The migrator has proved, without a lock, that there are no ids from here on (`first_partition_proved`).
    proved    text := (SELECT substring(pg_get_constraintdef(oid) FROM $$'(basket-[^']*)'$$) FROM pg_constraint
                        WHERE conrelid = 'events_first'::regclass AND conname = 'events_are_before' AND convalidated);
BEGIN
    SELECT last_value, is_called INTO drawn FROM events_position_seq;
    -- PostgreSQL before 17 has no identity on partitioned tables.
    ALTER TABLE events_first ALTER COLUMN position DROP IDENTITY;
    CREATE SEQUENCE events_position_seq AS bigint CACHE 1 OWNED BY events.position;
    PERFORM setval('events_position_seq', drawn.last_value, drawn.is_called);
    ALTER TABLE events ALTER COLUMN position SET DEFAULT nextval('events_position_seq');
    FOREACH granted IN ARRAY grants LOOP
        EXECUTE granted;
    END LOOP;

    CREATE TABLE events_default (LIKE events INCLUDING ALL, PRIMARY KEY (position));
    cut := coalesce(proved, first_basket_id(date_trunc('month', now() AT TIME ZONE 'UTC')
                                            + CASE WHEN EXISTS (SELECT FROM events_first) THEN interval '2 months'
                                                   ELSE interval '0' END));
    IF proved IS NULL THEN
        -- A new database, or one with ids of other kinds, which move.
        ALTER TABLE events_first DISABLE TRIGGER events_stay_as_they_are;
        WITH moved AS (DELETE FROM events_first WHERE stream_id >= cut RETURNING *)
        INSERT INTO events_default SELECT * FROM moved;
    END IF;
    EXECUTE format('ALTER TABLE events ATTACH PARTITION events_first FOR VALUES FROM (MINVALUE) TO (%L)', cut);
    ALTER TABLE events_first DROP CONSTRAINT IF EXISTS events_are_before;
    WHILE make_event_partition() IS NOT NULL LOOP
    END LOOP;
    ALTER TABLE events ATTACH PARTITION events_default DEFAULT;
    PERFORM guard_events(guarded) FROM unnest('{events, events_first, events_default}'::regclass[]) AS guarded;
END
$partition$;
SET LOCAL lock_timeout TO DEFAULT;
