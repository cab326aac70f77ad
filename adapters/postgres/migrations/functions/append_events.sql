-- Appends a batch of appends, each completely or not at all, independent of the others. One call at a time in the whole
-- database, so that the order of positions is the order of commits and a tail never skips an event.
--
-- A batch may name each stream, claim and (scope, key) only once. Otherwise a unique violation or ON CONFLICT's
-- cardinality violation refuses it as a whole.
--
-- `repeated` says that the same call may have run before (its connection was lost). Then events that are stored in
-- their place, byte for byte, count as appended.
--
-- Earlier releases call this function too: its name, parameters and results stay.
CREATE OR REPLACE FUNCTION append_events(
    -- one element for each append
    stream_ids text[], expected_versions int[], event_counts int[],
    -- one for each event, in the order of the appends
    event_types text[], event_data bytea[], event_metadata bytea[],
    -- one for each claim and each release; the first array holds the number of its append, from 1
    claiming int[], claimed_names text[],
    releasing int[], released_names text[],
    -- one for each response to store, likewise
    answering int[], answer_scopes text[], answer_keys text[], answer_fingerprints bytea[],
    answer_statuses int[], answer_headers jsonb[], answer_bodies bytea[],
    answers_kept interval,
    repeated boolean
) RETURNS TABLE (
    outcome text,          -- appended, conflict, claim_taken or already_answered; in the order of the appends
    last_position bigint   -- of its events, if it was appended and has any
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $function$
DECLARE
    stored    int[] := '{}';     -- appends that are stored already
    stored_at bigint[] := '{}';  -- for each append: the last position, if it is stored already and has events
    answered  int[] := '{}';     -- appends whose key has a response
    taken     int[] := '{}';     -- appends with a claim that another stream holds
    owners    int[];             -- for each event: the number of its append
    streams   text[];            -- for each event: its stream
    versions  int[];             -- for each event: its version
    first     text;              -- the range of the streams, so that partitions in which none lies are not opened
    last      text;
    outcomes  text[];            -- as returned
    shifts    bigint[];          -- for each append that is accepted now: its events' versions and this make their places
                                 -- among the accepted events, from 1; for each other append: NULL
    written   bigint;            -- the number of accepted events
    before    bigint;            -- the position before the first of them
BEGIN
    -- Before the first position is drawn. Each later statement sees everything that was committed before it.
    PERFORM pg_advisory_xact_lock(7208041002);
    SELECT min(nullif(stream_id, '') COLLATE "C"), max(stream_id COLLATE "C") INTO first, last
      FROM unnest(stream_ids) AS stream_id;

    -- The rows of a function come in order, and so do those that it is joined with laterally: here nothing is sorted.
    SELECT array_agg(append.number), array_agg(append.stream_id), array_agg(append.expected + event.nth)
      INTO owners, streams, versions
      FROM unnest(stream_ids, expected_versions, event_counts) WITH ORDINALITY
           AS append (stream_id, expected, events, number),
           generate_series(1, append.events) AS event (nth);

    IF repeated THEN
        stored := ARRAY(
            SELECT given.append
              FROM unnest(owners, streams, versions, event_types, event_data, event_metadata)
                   AS given (append, stream_id, version, type, data, metadata)
             GROUP BY given.append
            HAVING bool_and(coalesce(
                       (SELECT existing.type = given.type AND existing.data = given.data
                               AND existing.metadata = given.metadata
                          FROM events existing
                         WHERE existing.stream_id = given.stream_id AND existing.version = given.version),
                       false))
             UNION ALL
            SELECT given.append
              FROM unnest(answering, answer_scopes, answer_keys, answer_fingerprints, answer_statuses,
                          answer_headers, answer_bodies)
                   AS given (append, scope, key, fingerprint, status, headers, body)
             WHERE event_counts[given.append] = 0
               AND (SELECT existing.fingerprint = given.fingerprint AND existing.status = given.status
                           AND existing.headers = given.headers AND existing.body = given.body
                           AND existing.answered_at > clock_timestamp() - answers_kept
                      FROM answers existing
                     WHERE existing.scope = given.scope AND existing.key = given.key));
        stored_at := ARRAY(
            SELECT CASE WHEN append.number = ANY (stored) THEN
                       (SELECT existing.position FROM events existing
                         WHERE existing.stream_id = append.stream_id
                           AND existing.version = append.expected + append.events)
                   END
              FROM unnest(stream_ids, expected_versions, event_counts) WITH ORDINALITY
                   AS append (stream_id, expected, events, number));
    END IF;

    IF cardinality(answering) > 0 THEN
        answered := ARRAY(
            SELECT given.append
              FROM unnest(answering, answer_scopes, answer_keys) AS given (append, scope, key)
             WHERE (SELECT existing.answered_at FROM answers existing
                     WHERE existing.scope = given.scope AND existing.key = given.key)
                   > clock_timestamp() - answers_kept);
    END IF;

    IF cardinality(claiming) > 0 THEN
        taken := ARRAY(
            SELECT given.append
              FROM unnest(claiming, claimed_names) AS given (append, name)
             WHERE (SELECT held.stream_id FROM claims held WHERE held.name = given.name)
                   <> stream_ids[given.append]);
    END IF;
    -- Single-row subqueries throughout: they stay index lookups, whatever the planner assumes about the tables.
    SELECT array_agg(CASE append.outcome WHEN 'accepted' THEN 'appended' ELSE append.outcome END),
           array_agg(CASE append.outcome WHEN 'accepted' THEN append.place - append.events - append.expected END),
           max(append.place)
      INTO outcomes, shifts, written
      FROM (SELECT judged.*,
                   sum(judged.events) FILTER (WHERE judged.outcome = 'accepted')
                   OVER (ROWS UNBOUNDED PRECEDING) AS place
              FROM (SELECT append.expected, append.events,
                           CASE
                               WHEN append.number = ANY (stored) THEN 'appended'
                               WHEN append.number = ANY (answered) THEN 'already_answered'
                               WHEN append.expected <> coalesce(
                                   (SELECT newest.version FROM events newest
                                     WHERE newest.stream_id = append.stream_id
                                       AND newest.stream_id BETWEEN first AND last
                                     ORDER BY newest.version DESC LIMIT 1), 0) THEN 'conflict'
                               WHEN append.number = ANY (taken) THEN 'claim_taken'
                               ELSE 'accepted'
                           END AS outcome
                      FROM unnest(stream_ids, expected_versions, event_counts) WITH ORDINALITY
                           AS append (stream_id, expected, events, number)
                    OFFSET 0) AS judged) AS append;

    IF written > 0 THEN
        -- Nobody else draws a position meanwhile. They are consecutive.
        before := nextval('events_position_seq') - 1;
        IF written > 1 THEN
            PERFORM setval('events_position_seq', before + written);
        END IF;
        -- Opens the table to this function, in this transaction.
        PERFORM set_config('checkout.appending', pg_current_xact_id()::text, true);
        INSERT INTO events (position, stream_id, version, type, data, metadata) OVERRIDING SYSTEM VALUE
        SELECT before + shifts[given.append] + given.version, given.stream_id, given.version, given.type, given.data,
               given.metadata
          FROM unnest(owners, streams, versions, event_types, event_data, event_metadata)
               AS given (append, stream_id, version, type, data, metadata)
         WHERE shifts[given.append] IS NOT NULL;
        -- Closes it again. (A SET clause of the function would do that, but only a superuser may write one for a
        -- setting of our own.)
        PERFORM set_config('checkout.appending', '', true);
    END IF;
    IF cardinality(releasing) > 0 THEN
        DELETE FROM claims
         WHERE name = ANY (released_names)
           AND (name, stream_id) IN (
               SELECT given.name, stream_ids[given.append]
                 FROM unnest(releasing, released_names) AS given (append, name)
                WHERE shifts[given.append] IS NOT NULL);
    END IF;

    IF cardinality(claiming) > 0 THEN
        -- The claims are free or its own, as checked above. Two appends of one batch with one claim fail here.
        INSERT INTO claims AS held (name, stream_id)
        SELECT given.name, stream_ids[given.append]
          FROM unnest(claiming, claimed_names) AS given (append, name)
         WHERE shifts[given.append] IS NOT NULL
        ON CONFLICT (name) DO UPDATE SET stream_id = excluded.stream_id;
    END IF;

    IF cardinality(answering) > 0 THEN
        -- An existing row is older than responses are kept.
        INSERT INTO answers (scope, key, fingerprint, status, headers, body, stream_id)
        SELECT given.scope, given.key, given.fingerprint, given.status, given.headers, given.body,
               nullif(stream_ids[given.append], '')
          FROM unnest(answering, answer_scopes, answer_keys, answer_fingerprints, answer_statuses,
                      answer_headers, answer_bodies)
               AS given (append, scope, key, fingerprint, status, headers, body)
         WHERE shifts[given.append] IS NOT NULL
        ON CONFLICT (scope, key) DO UPDATE
           SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
               body = excluded.body, answered_at = excluded.answered_at, stream_id = excluded.stream_id;
    END IF;
    IF written > 0 THEN
        PERFORM pg_notify('checkout_events', (before + written)::text);
    END IF;

    RETURN QUERY
    SELECT append.outcome,
           CASE WHEN append.events > 0
                THEN coalesce(append.stored_at, before + append.shift + append.expected + append.events) END
      FROM unnest(outcomes, stored_at, shifts, expected_versions, event_counts)
           AS append (outcome, stored_at, shift, expected, events);
END
$function$;
