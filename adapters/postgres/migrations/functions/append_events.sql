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
    stored    int[] := '{}';  -- appends that are stored already
    answered  int[] := '{}';  -- appends whose key has a response
    taken     int[] := '{}';  -- appends with a claim that another stream holds
    outcomes  text[];         -- as returned, but `accepted` for an append that is still to be written
    owners    int[];          -- for each event: the number of its append
    versions  int[];          -- for each event: its version
    positions bigint[];
BEGIN
    -- Before the first position is drawn. Each later statement sees everything that was committed before it.
    PERFORM pg_advisory_xact_lock(7208041002);

    -- Single-row subqueries throughout: they stay index lookups, whatever the planner assumes about the tables.
    SELECT array_agg(append.number ORDER BY append.number, event.nth),
           array_agg(append.expected + event.nth ORDER BY append.number, event.nth)
      INTO owners, versions
      FROM unnest(expected_versions, event_counts) WITH ORDINALITY AS append (expected, events, number),
           generate_series(1, append.events) AS event (nth);

    IF repeated THEN
        stored := ARRAY(
            SELECT given.append
              FROM unnest(owners, versions, event_types, event_data, event_metadata)
                   AS given (append, version, type, data, metadata)
             GROUP BY given.append
            HAVING bool_and(coalesce(
                       (SELECT existing.type = given.type AND existing.data = given.data
                               AND existing.metadata = given.metadata
                          FROM events existing
                         WHERE existing.stream_id = stream_ids[given.append] AND existing.version = given.version),
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

    outcomes := ARRAY(
        SELECT CASE
                   WHEN append.number = ANY (stored) THEN 'appended'
                   WHEN append.number = ANY (answered) THEN 'already_answered'
                   WHEN append.expected <> coalesce(
                       (SELECT last.version FROM events last
                         WHERE last.stream_id = append.stream_id
                         ORDER BY last.version DESC LIMIT 1), 0) THEN 'conflict'
                   WHEN append.number = ANY (taken) THEN 'claim_taken'
                   ELSE 'accepted'
               END
          FROM unnest(stream_ids, expected_versions) WITH ORDINALITY AS append (stream_id, expected, number)
         ORDER BY append.number);

    IF cardinality(owners) > 0 THEN
        -- Opens the table to this function, in this transaction.
        PERFORM set_config('checkout.appending', pg_current_xact_id()::text, true);
        WITH inserted AS (
            INSERT INTO events (stream_id, version, type, data, metadata)
            SELECT stream_ids[given.append], given.version, given.type, given.data, given.metadata
              FROM unnest(owners, versions, event_types, event_data, event_metadata) WITH ORDINALITY
                   AS given (append, version, type, data, metadata, number)
             WHERE outcomes[given.append] = 'accepted'
             ORDER BY given.number
            RETURNING position)
        SELECT array_agg(position) INTO positions FROM inserted;
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
                WHERE outcomes[given.append] = 'accepted');
    END IF;

    IF cardinality(claiming) > 0 THEN
        -- The claims are free or its own, as checked above. Two appends of one batch with one claim fail here.
        INSERT INTO claims AS held (name, stream_id)
        SELECT given.name, stream_ids[given.append]
          FROM unnest(claiming, claimed_names) AS given (append, name)
         WHERE outcomes[given.append] = 'accepted'
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
         WHERE outcomes[given.append] = 'accepted'
        ON CONFLICT (scope, key) DO UPDATE
           SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
               body = excluded.body, answered_at = excluded.answered_at, stream_id = excluded.stream_id;
    END IF;

    IF positions IS NOT NULL THEN
        PERFORM pg_notify('checkout_events', positions[cardinality(positions)]::text);
    END IF;

    RETURN QUERY
    SELECT CASE append.outcome WHEN 'accepted' THEN 'appended' ELSE append.outcome END,
           CASE
               WHEN append.events = 0 THEN NULL
               WHEN append.outcome = 'accepted' THEN
                   positions[sum(append.events) FILTER (WHERE append.outcome = 'accepted')
                             OVER (ORDER BY append.number)]
               WHEN append.outcome = 'appended' THEN
                   (SELECT existing.position FROM events existing
                     WHERE existing.stream_id = append.stream_id
                       AND existing.version = append.expected + append.events)
           END
      FROM unnest(outcomes, stream_ids, expected_versions, event_counts) WITH ORDINALITY
           AS append (outcome, stream_id, expected, events, number)
     ORDER BY append.number;
END
$function$;
