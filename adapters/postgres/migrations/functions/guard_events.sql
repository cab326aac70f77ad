-- Puts the guards on `events` or on a partition: its events are appended by append_events(), deleted by the archive,
-- and never changed. A statement that names a partition passes the guards of the partition only.
CREATE OR REPLACE FUNCTION guard_events(guarded regclass) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
    -- A condition is evaluated once a statement, without a call of the trigger's function. A value that somebody set
    -- for a session or a role is not the id of a transaction.
    EXECUTE format($trigger$
        CREATE OR REPLACE TRIGGER events_are_appended_by_the_function
            BEFORE INSERT ON %1$s FOR EACH STATEMENT
            WHEN (current_setting('checkout.appending', true) IS DISTINCT FROM pg_current_xact_id()::text)
            EXECUTE FUNCTION refuse_change_of_events();
        CREATE OR REPLACE TRIGGER events_are_deleted_by_the_archive
            BEFORE DELETE ON %1$s FOR EACH STATEMENT
            WHEN (current_setting('checkout.archiving', true) IS DISTINCT FROM pg_current_xact_id()::text)
            EXECUTE FUNCTION refuse_change_of_events();
        CREATE OR REPLACE TRIGGER events_stay_as_they_are
            BEFORE UPDATE OR TRUNCATE ON %1$s FOR EACH STATEMENT
            EXECUTE FUNCTION refuse_change_of_events();
        -- Also if session_replication_role disables ordinary triggers. The first one does not need this: a replica's
        -- first copy is an INSERT.
        ALTER TABLE %1$s ENABLE ALWAYS TRIGGER events_are_deleted_by_the_archive;
        ALTER TABLE %1$s ENABLE ALWAYS TRIGGER events_stay_as_they_are;
        $trigger$, guarded);
END
$function$;
