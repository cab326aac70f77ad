-- The partner of a price ('': all) and the end of an availability, so that a query can leave out what does not apply.
-- The defaults are right for all rows of earlier releases, and PostgreSQL adds them without writing the tables anew. The
-- same for the projections that a rebuild is building or keeps.
DO $periods$
DECLARE
    schema text;
BEGIN
    FOREACH schema IN ARRAY ARRAY['public', 'checkout_kept', 'checkout_rebuilt'] LOOP
        EXECUTE format(
            'ALTER TABLE IF EXISTS %I.catalogue_prices ADD COLUMN partner text NOT NULL DEFAULT %L', schema, '');
        EXECUTE format(
            'ALTER TABLE IF EXISTS %I.catalogue_availability'
            ' ADD COLUMN valid_until timestamptz NOT NULL DEFAULT %L', schema, 'infinity');
    END LOOP;
END
$periods$;
