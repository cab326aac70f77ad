-- The keys that personal data is sealed with, one for each basket at a time, themselves wrapped by a master key
-- that is not in the database. What is destroyed leaves a row that says when and by which operator's action.
CREATE TABLE data_keys (
    key_id       text COLLATE "C" PRIMARY KEY,
    basket_id    text COLLATE "C" NOT NULL,
    master       text COLLATE "C",
    wrapped      bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    action_id    text COLLATE "C",
    CHECK ((wrapped IS NULL) = (master IS NULL)),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((wrapped IS NULL) = (action_id IS NOT NULL))
);
CREATE UNIQUE INDEX data_keys_alive ON data_keys (basket_id) WHERE wrapped IS NOT NULL;
CREATE INDEX data_keys_of_a_basket ON data_keys (basket_id, key_id);

-- What is destroyed stays so, and so does the row that says it.
CREATE FUNCTION refuse_change_of_destroyed_data_keys() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '% on a data key that is destroyed is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'What was forgotten stays so.';
END
$function$;
CREATE TRIGGER data_keys_that_are_destroyed_stay_so
    BEFORE UPDATE OR DELETE ON data_keys FOR EACH ROW
    WHEN (OLD.wrapped IS NULL)
    EXECUTE FUNCTION refuse_change_of_destroyed_data_keys();

-- Whose data baskets hold, as long as they hold it: an organisation's own ids of persons.
CREATE TABLE basket_subjects (
    subject   text COLLATE "C" NOT NULL,
    partner   text COLLATE "C" NOT NULL,
    basket_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, partner, basket_id)
);
CREATE INDEX basket_subjects_of_a_basket ON basket_subjects (basket_id);

-- Baskets that were told to forget, each with the version of the event that says so. What they had stored before
-- there were keys is not shown any more.
CREATE TABLE forgotten_baskets (
    basket_id    text COLLATE "C" PRIMARY KEY,
    version      int NOT NULL,
    action_id    text COLLATE "C" NOT NULL,
    forgotten_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which basket an answer tells of, so that it is found when the basket is to forget.
ALTER TABLE answers ADD COLUMN stream_id text COLLATE "C";
UPDATE answers SET stream_id = convert_from(body, 'UTF8')::jsonb ->> 'id'
 WHERE status = 200 AND body LIKE '{"id":"basket-%'::bytea;
CREATE INDEX answers_of_a_stream ON answers (stream_id) WHERE stream_id IS NOT NULL;

-- As before (0001), but that an answer is stored with its stream. Programs of the release before call it too.
CREATE OR REPLACE FUNCTION append_events(
    -- one element for each append
    stream_ids text[], expected_versions int[], event_counts int[],
    -- one for each event, in the order of the appends
    event_types text[], event_data bytea[], event_metadata bytea[],
    -- one for each claim and each release; the first array says which append (from 1) it belongs to
    claiming int[], claimed_names text[],
    releasing int[], released_names text[],
    -- one for each answer, likewise
    answering int[], answer_scopes text[], answer_keys text[], answer_fingerprints bytea[],
    answer_statuses int[], answer_headers jsonb[], answer_bodies bytea[],
    answers_kept interval,
    repeated boolean
) RETURNS TABLE (
    outcome text,          -- appended, conflict, claim_taken or already_answered; in the order of the appends
    last_position bigint   -- of its events, where it was appended and has any
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $function$
DECLARE
    there     int[] := '{}';  -- appends that lie there already
    answered  int[] := '{}';
    taken     int[] := '{}';
    outcomes  text[];         -- as returned, but `accepted` where it has yet to be written
    owners    int[];          -- of each event: its append,
    versions  int[];          -- and its version
    positions bigint[];
BEGIN
    -- Before the first position is drawn. Each statement below sees all that was committed before it.
    PERFORM pg_advisory_xact_lock(7208041002);

    -- Single-row subqueries throughout: they stay index look-ups, whatever the planner thinks of the tables.
    SELECT array_agg(append.number ORDER BY append.number, event.nth),
           array_agg(append.expected + event.nth ORDER BY append.number, event.nth)
      INTO owners, versions
      FROM unnest(expected_versions, event_counts) WITH ORDINALITY AS append (expected, events, number),
           generate_series(1, append.events) AS event (nth);

    IF repeated THEN
        there := ARRAY(
            SELECT mine.append
              FROM unnest(owners, versions, event_types, event_data, event_metadata)
                   AS mine (append, version, type, data, metadata)
             GROUP BY mine.append
            HAVING bool_and(coalesce(
                       (SELECT stored.type = mine.type AND stored.data = mine.data
                               AND stored.metadata = mine.metadata
                          FROM events stored
                         WHERE stored.stream_id = stream_ids[mine.append] AND stored.version = mine.version),
                       false))
             UNION ALL
            SELECT mine.append
              FROM unnest(answering, answer_scopes, answer_keys, answer_fingerprints, answer_statuses,
                          answer_headers, answer_bodies)
                   AS mine (append, scope, key, fingerprint, status, headers, body)
             WHERE event_counts[mine.append] = 0
               AND (SELECT stored.fingerprint = mine.fingerprint AND stored.status = mine.status
                           AND stored.headers = mine.headers AND stored.body = mine.body
                           AND stored.answered_at > clock_timestamp() - answers_kept
                      FROM answers stored
                     WHERE stored.scope = mine.scope AND stored.key = mine.key));
    END IF;

    IF cardinality(answering) > 0 THEN
        answered := ARRAY(
            SELECT mine.append
              FROM unnest(answering, answer_scopes, answer_keys) AS mine (append, scope, key)
             WHERE (SELECT stored.answered_at FROM answers stored
                     WHERE stored.scope = mine.scope AND stored.key = mine.key)
                   > clock_timestamp() - answers_kept);
    END IF;

    IF cardinality(claiming) > 0 THEN
        taken := ARRAY(
            SELECT mine.append
              FROM unnest(claiming, claimed_names) AS mine (append, name)
             WHERE (SELECT held.stream_id FROM claims held WHERE held.name = mine.name)
                   <> stream_ids[mine.append]);
    END IF;

    outcomes := ARRAY(
        SELECT CASE
                   WHEN append.number = ANY (there) THEN 'appended'
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
        -- Opens the table to this function in this transaction.
        PERFORM set_config('checkout.appending', pg_current_xact_id()::text, true);
        WITH inserted AS (
            INSERT INTO events (stream_id, version, type, data, metadata)
            SELECT stream_ids[mine.append], mine.version, mine.type, mine.data, mine.metadata
              FROM unnest(owners, versions, event_types, event_data, event_metadata) WITH ORDINALITY
                   AS mine (append, version, type, data, metadata, number)
             WHERE outcomes[mine.append] = 'accepted'
             ORDER BY mine.number
            RETURNING position)
        SELECT array_agg(position) INTO positions FROM inserted;
        -- And closes it again. (A SET clause of the function would do that, but only a superuser may write one
        -- for a setting of our own.)
        PERFORM set_config('checkout.appending', '', true);
    END IF;

    IF cardinality(releasing) > 0 THEN
        DELETE FROM claims
         WHERE name = ANY (released_names)
           AND (name, stream_id) IN (
               SELECT mine.name, stream_ids[mine.append]
                 FROM unnest(releasing, released_names) AS mine (append, name)
                WHERE outcomes[mine.append] = 'accepted');
    END IF;

    IF cardinality(claiming) > 0 THEN
        -- Judged free above: a row in the way is its own, or another append's of this batch, which fails.
        INSERT INTO claims AS held (name, stream_id)
        SELECT mine.name, stream_ids[mine.append]
          FROM unnest(claiming, claimed_names) AS mine (append, name)
         WHERE outcomes[mine.append] = 'accepted'
        ON CONFLICT (name) DO UPDATE SET stream_id = excluded.stream_id;
    END IF;

    IF cardinality(answering) > 0 THEN
        -- A row in the way is one that is older than answers are kept.
        INSERT INTO answers (scope, key, fingerprint, status, headers, body, stream_id)
        SELECT mine.scope, mine.key, mine.fingerprint, mine.status, mine.headers, mine.body,
               nullif(stream_ids[mine.append], '')
          FROM unnest(answering, answer_scopes, answer_keys, answer_fingerprints, answer_statuses,
                      answer_headers, answer_bodies)
               AS mine (append, scope, key, fingerprint, status, headers, body)
         WHERE outcomes[mine.append] = 'accepted'
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
                   (SELECT stored.position FROM events stored
                     WHERE stored.stream_id = append.stream_id
                       AND stored.version = append.expected + append.events)
           END
      FROM unnest(outcomes, stream_ids, expected_versions, event_counts) WITH ORDINALITY
           AS append (outcome, stream_id, expected, events, number)
     ORDER BY append.number;
END
$function$;
