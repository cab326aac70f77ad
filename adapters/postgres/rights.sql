-- The rights of each role. The owner executes this at the end of each `checkout migrate`. It states all rights: a right that
-- is not granted here is revoked. Name each new table and function here too, if only for the owner.
--
-- For the owner alone: the partitions of events, guard_events, first_basket_id, event_digest, refuse_change_of_events, refuse_change_of_catalogue_facts, refuse_change_of_operator_actions,
-- refuse_change_of_destroyed_data_keys, learn_one_after_the_other, catalogue_facts_position_seq, dead_letters_number_seq.
-- (Triggers call these functions, and columns draw from these sequences, which takes no right.)

DO $nothing$
DECLARE
    own text;
BEGIN
    FOR own IN SELECT oid::regclass FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
                  AND relowner = 'checkout_owner'::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, checkout_api, checkout_worker, checkout_operator', own);
    END LOOP;
    FOR own IN SELECT oid::regprocedure FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace AND proowner = 'checkout_owner'::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC, checkout_api, checkout_worker, checkout_operator', own);
    END LOOP;
END
$nothing$;

-- Events: everybody reads them, and appends only with the function.
GRANT SELECT ON events, claims, answers TO checkout_api, checkout_worker, checkout_operator;
GRANT EXECUTE ON FUNCTION append_events TO checkout_api, checkout_worker, checkout_operator;
-- Verify reads the next position. (Only to read: the function draws positions as the owner.)
GRANT SELECT ON SEQUENCE events_position_seq TO checkout_worker, checkout_operator;
-- The expiry worker makes the partitions of coming months; what the archive emptied is dropped.
GRANT EXECUTE ON FUNCTION make_event_partition, drop_empty_event_partition TO checkout_worker, checkout_operator;
GRANT SELECT ON event_partitions TO checkout_api, checkout_worker, checkout_operator;
-- The expiry worker deletes old responses; locking a row takes the right to update one of its columns.
GRANT DELETE, UPDATE (answered_at) ON answers TO checkout_worker;
-- An erasure empties the stored responses about the person.
GRANT UPDATE (body) ON answers TO checkout_operator;
-- Operators repair claims that their basket no longer holds.
GRANT INSERT, UPDATE, DELETE ON claims TO checkout_operator;

-- The archive: only its functions delete events and bring them back.
GRANT SELECT ON archived_baskets TO checkout_api, checkout_worker, checkout_operator;
GRANT SELECT ON abandoned_archive_files TO checkout_worker, checkout_operator;
GRANT EXECUTE ON FUNCTION archive_baskets, abandon_archive_file, restore_baskets TO checkout_worker, checkout_operator;
-- Which baskets a republication still sends.
GRANT SELECT ON republications TO checkout_worker;

-- Read models can be rebuilt: workers write them, operators repair them.
GRANT SELECT ON basket_views, open_basket_uses, catalogue_offers, catalogue_prices, catalogue_availability,
    catalogue_policies TO checkout_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON basket_views, open_basket_uses, catalogue_offers, catalogue_prices,
    catalogue_availability, catalogue_policies TO checkout_worker, checkout_operator;

-- Catalogue facts. A dead letter that an operator retries may be a fact.
GRANT SELECT ON catalogue_facts TO checkout_api;
GRANT SELECT, INSERT ON catalogue_facts TO checkout_worker, checkout_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON catalogue_keys TO checkout_worker, checkout_operator;
GRANT SELECT, INSERT, UPDATE ON catalogue_sources TO checkout_worker, checkout_operator;

-- Personal data: whoever appends it creates keys; operators destroy them.
GRANT SELECT, INSERT ON data_keys TO checkout_api, checkout_worker, checkout_operator;
GRANT UPDATE, DELETE ON data_keys TO checkout_operator;
GRANT SELECT, INSERT ON basket_subjects TO checkout_api, checkout_worker, checkout_operator;
GRANT DELETE ON basket_subjects TO checkout_operator;
GRANT SELECT ON forgotten_baskets TO checkout_api, checkout_worker, checkout_operator;
GRANT INSERT, UPDATE ON forgotten_baskets TO checkout_operator;

-- Service status: every process reports its workers, and deletes the reports of processes that are gone.
GRANT SELECT, INSERT, UPDATE, DELETE ON worker_states TO checkout_api, checkout_worker, checkout_operator;
-- What the watcher and the publisher saw of the brokers.
GRANT SELECT ON broker_observations TO checkout_api, checkout_worker, checkout_operator;
GRANT INSERT, UPDATE ON broker_observations TO checkout_worker, checkout_operator;
GRANT SELECT ON publisher_positions, catalogue_readers TO checkout_api;
GRANT SELECT, INSERT, UPDATE ON publisher_positions, catalogue_readers TO checkout_worker, checkout_operator;

-- Dead letters. The API counts them and does not read their content.
GRANT SELECT (number, topic, partition, message_offset, code, basket_id, recorded_at, tries, tried_at, settled_at, settled_by)
    ON dead_letters TO checkout_api;
GRANT SELECT, INSERT, UPDATE ON dead_letters TO checkout_worker, checkout_operator;

-- The audit log and the records of operators' runs.
GRANT SELECT, INSERT ON operator_actions TO checkout_operator;
GRANT SELECT, INSERT, UPDATE ON rebuilds, republications TO checkout_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON rebuild_ranges TO checkout_operator;
GRANT EXECUTE ON FUNCTION generation_statements, execute_generation_statement TO checkout_operator;
GRANT USAGE ON SCHEMA checkout_rebuilt, checkout_kept TO checkout_operator;
GRANT SELECT ON readable_events, readable_catalogue_facts, alembic_version TO checkout_operator;

-- The other generations have the rights of the live one, because they may become live.
DO $generations$
DECLARE
    given text;
BEGIN
    FOR given IN
        SELECT format('REVOKE ALL ON %s FROM PUBLIC, checkout_api, checkout_worker, checkout_operator', oid::regclass)
          FROM pg_class
         WHERE relnamespace IN ('checkout_rebuilt'::regnamespace, 'checkout_kept'::regnamespace) AND relkind = 'r'
         UNION ALL
        SELECT format('GRANT %s ON %s TO %s', granted.privilege_type, other.oid::regclass,
                      granted.grantee::regrole)
          FROM pg_class live, aclexplode(live.relacl) AS granted, pg_class other
         WHERE live.relnamespace = 'public'::regnamespace AND other.relname = live.relname
           AND other.relnamespace IN ('checkout_rebuilt'::regnamespace, 'checkout_kept'::regnamespace)
           AND other.relkind = 'r' AND granted.grantee <> live.relowner AND granted.grantee <> 0
    LOOP
        EXECUTE given;
    END LOOP;
END
$generations$;
