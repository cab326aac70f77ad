-- Takes the next step towards a partition of `events` for each month (UTC) up to the month after next, and says which;
-- NULL: none is missing, or another process is at it. Call it until then, each time in a transaction of its own. It
-- waits for a lock for a moment at most, and raises lock_not_available after that.
--
-- Events of a month without a partition go to `events_default`, and stay there: a month of which events are in it gets
-- no partition any more.
CREATE OR REPLACE FUNCTION make_event_partition() RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '200ms'
AS $function$
DECLARE
    month     timestamp;  -- UTC
    name      text;
    first_id  text;
    end_id    text;
    free      text;     -- the constraint that says that `events_default` holds nothing of the month
    validated boolean;  -- of this constraint; NULL: it is not there
BEGIN
    IF NOT pg_try_advisory_xact_lock(7208041003) THEN
        RETURN NULL;
    END IF;
    FOR ahead IN 0..2 LOOP
        month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead);
        name := to_char(month, '"events_"YYYY_MM');
        first_id := first_basket_id(month);
        end_id := first_basket_id(month + interval '1 month');
        CONTINUE WHEN EXISTS (SELECT FROM event_partitions there WHERE there.ends > month AT TIME ZONE 'UTC');
        IF to_regclass('events_default') IS NOT NULL THEN
            CONTINUE WHEN EXISTS (SELECT FROM events_default WHERE stream_id >= first_id AND stream_id < end_id);
            IF pg_relation_size('events_default') > 32 * 1024 * 1024 THEN
                -- It must not be read under the lock that attaching takes: a validated constraint makes that needless.
                -- It refuses events, so that it must come long before the first one.
                CONTINUE WHEN month < now() AT TIME ZONE 'UTC' + interval '1 day';
                free := name || '_is_free';
                SELECT convalidated INTO validated FROM pg_constraint
                 WHERE conrelid = 'events_default'::regclass AND conname = free;
                IF validated IS NULL THEN
                    EXECUTE format('ALTER TABLE events_default ADD CONSTRAINT %I'
                                   ' CHECK (stream_id < %L OR stream_id >= %L) NOT VALID', free, first_id, end_id);
                    RETURN 'constraint ' || free;
                ELSIF NOT validated THEN
                    EXECUTE format('ALTER TABLE events_default VALIDATE CONSTRAINT %I', free);
                    RETURN 'validation of ' || free;
                END IF;
            END IF;
        END IF;
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL, PRIMARY KEY (position))', name);
        PERFORM guard_events(name::regclass);
        EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first_id, end_id);
        IF free IS NOT NULL THEN
            EXECUTE format('ALTER TABLE events_default DROP CONSTRAINT %I', free);
        END IF;
        RETURN 'partition ' || name;
    END LOOP;
    RETURN NULL;
END
$function$;
