-- Moves baskets to the archive, of which `archive_file` holds the events: notes the file, and deletes the events and the
-- views. Returns the baskets that moved. A basket stays where something happened to it since the file was written, where
-- its view is behind or open, where a dead letter about it waits, or where a run of republishing may still send it. All
-- stay where the file was given up, and while a rebuild of the views runs or waits to be resumed, because that may have read
-- them already.
--
-- Nobody appends meanwhile, so a call should have about 100 baskets.
CREATE OR REPLACE FUNCTION archive_baskets(archive_file text, basket_ids text[], versions int[]) RETURNS SETOF text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off  -- look-ups by index, whatever the statistics say
AS $function$
DECLARE
    chosen     text[];
    generation text;
BEGIN
    -- A run of republishing begins before this, and is seen, or after it, and then reads what is left.
    LOCK TABLE republications IN SHARE MODE;
    -- The lock of append_events(). It comes before that of rebuilds, so that one that begins can wait here.
    PERFORM pg_advisory_xact_lock(7208041002);
    IF NOT pg_try_advisory_xact_lock(720804, hashtext('rebuild basket-views'))
       OR to_regclass('checkout_rebuilt.basket_views') IS NOT NULL
       OR EXISTS (SELECT FROM abandoned_archive_files WHERE file = archive_file) THEN
        RETURN;
    END IF;
    chosen := ARRAY(
        SELECT view.basket_id
          FROM unnest(basket_ids, versions) AS given (basket_id, version)
          JOIN basket_views view ON view.basket_id = given.basket_id AND view.version = given.version
          JOIN LATERAL (SELECT version, position FROM events WHERE stream_id = given.basket_id
                         ORDER BY version DESC LIMIT 1) AS last ON last.version = given.version
         WHERE view.status <> 'open'
           AND NOT EXISTS (SELECT FROM dead_letters WHERE about = given.basket_id AND settled_at IS NULL)
           AND NOT EXISTS (SELECT FROM republications run
                            WHERE run.ended_at IS NULL AND coalesce(run.partner, view.partner) = view.partner
                              AND coalesce(run.basket_id, view.basket_id) = view.basket_id
                              AND run.from_position <= last.position
                              AND run.to_position >= (SELECT position FROM events
                                                       WHERE stream_id = view.basket_id AND version = 1))
         ORDER BY view.basket_id
           FOR UPDATE OF view);

    INSERT INTO archived_baskets (basket_id, partner, file, version, first_position, last_position, digest)
    SELECT view.basket_id, view.partner, archive_file, view.version, event.first, event.last, event.digest
      FROM basket_views view,
           LATERAL (SELECT min(position) AS first, max(position) AS last,
                           sha256(string_agg(event_digest(position, version, type, data, metadata, recorded_at), ''
                                             ORDER BY version)) AS digest
                      FROM events WHERE stream_id = view.basket_id) AS event
     WHERE view.basket_id = ANY (chosen)
    ON CONFLICT (basket_id) DO UPDATE
       SET file = excluded.file, version = excluded.version, first_position = excluded.first_position,
           last_position = excluded.last_position, digest = excluded.digest, archived_at = excluded.archived_at,
           restored_at = NULL;

    -- Opens the table to this function, in this transaction.
    PERFORM set_config('checkout.archiving', pg_current_xact_id()::text, true);
    DELETE FROM events WHERE stream_id = ANY (chosen);
    PERFORM set_config('checkout.archiving', '', true);

    -- The views too, also in the generation that may become live again.
    FOR generation IN
        SELECT format('%I.%I', relnamespace::regnamespace::text, relname) FROM pg_class
         WHERE relname IN ('basket_views', 'open_basket_uses') AND relkind = 'r'
           AND relnamespace IN ('public'::regnamespace, to_regnamespace('checkout_kept'))
    LOOP
        EXECUTE format('DELETE FROM %s WHERE basket_id = ANY ($1)', generation) USING chosen;
    END LOOP;
    RETURN QUERY SELECT unnest(chosen);
END
$function$;
