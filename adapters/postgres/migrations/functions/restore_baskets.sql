-- Brings baskets back from the archive, with all their events at their old positions, and returns those that came.
-- Baskets that are not in the archive are passed over. Raises data_corrupted, and changes nothing, where the events of a
-- basket are not exactly those that were archived.
CREATE OR REPLACE FUNCTION restore_baskets(
    positions bigint[], stream_ids text[], event_versions int[], event_types text[], event_data bytea[],
    event_metadata bytea[], times timestamptz[]
) RETURNS SETOF text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $function$
DECLARE
    chosen  text[];
    damaged text;
BEGIN
    -- The lock of append_events().
    PERFORM pg_advisory_xact_lock(7208041002);
    chosen := ARRAY(SELECT basket_id FROM archived_baskets
                     WHERE basket_id = ANY (stream_ids) AND restored_at IS NULL
                     ORDER BY basket_id FOR UPDATE);
    SELECT archived.basket_id INTO damaged
      FROM archived_baskets archived,
           LATERAL (SELECT sha256(string_agg(event_digest(position, version, type, data, metadata, recorded_at), ''
                                             ORDER BY version)) AS digest
                      FROM unnest(positions, stream_ids, event_versions, event_types, event_data, event_metadata, times)
                           AS given (position, stream_id, version, type, data, metadata, recorded_at)
                     WHERE given.stream_id = archived.basket_id) AS given
     WHERE archived.basket_id = ANY (chosen) AND given.digest IS DISTINCT FROM archived.digest
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the events of % are not those that were archived', damaged USING ERRCODE = 'data_corrupted';
    END IF;

    -- Opens the table to this function, in this transaction.
    PERFORM set_config('checkout.appending', pg_current_xact_id()::text, true);
    INSERT INTO events (position, stream_id, version, type, data, metadata, recorded_at)
    SELECT * FROM unnest(positions, stream_ids, event_versions, event_types, event_data, event_metadata, times)
                  AS given (position, stream_id, version, type, data, metadata, recorded_at)
     WHERE given.stream_id = ANY (chosen);
    PERFORM set_config('checkout.appending', '', true);
    UPDATE archived_baskets SET restored_at = clock_timestamp() WHERE basket_id = ANY (chosen);
    RETURN QUERY SELECT unnest(chosen);
END
$function$;
