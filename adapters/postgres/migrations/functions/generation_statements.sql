-- The statements of one step of a rebuild, in their order. The generation that is being built is in the schema
-- checkout_rebuilt, the one that is kept for a roll-back in checkout_kept. Table names cannot be parameters, so the server
-- writes the statements and quotes the names.
CREATE OR REPLACE FUNCTION generation_statements(step text, tables name[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF NOT tables <@ ARRAY['basket_views', 'open_basket_uses', 'catalogue_offers', 'catalogue_prices',
                           'catalogue_availability', 'catalogue_policies']::name[] THEN
        RAISE EXCEPTION 'only derived tables have generations, and % are not all derived', tables
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    CASE step
    WHEN 'make' THEN
        -- Empty tables like the live ones, without indexes: building these at the end is faster.
        RETURN QUERY
        SELECT format('CREATE TABLE checkout_rebuilt.%1$I (LIKE public.%1$I INCLUDING ALL EXCLUDING INDEXES)', name)
          FROM unnest(tables) AS name
         UNION ALL
        SELECT format('ALTER TABLE checkout_rebuilt.%I SET (%s)', relname, array_to_string(reloptions, ', '))
          FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relname = ANY(tables) AND reloptions IS NOT NULL
         UNION ALL
        SELECT format('GRANT %s ON checkout_rebuilt.%I TO %s', granted.privilege_type, class.relname,
                      CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END)
          FROM pg_class class, aclexplode(class.relacl) AS granted
         WHERE class.relnamespace = 'public'::regnamespace AND class.relname = ANY(tables)
           AND granted.grantee <> class.relowner;
    WHEN 'index' THEN
        -- The indexes that the built tables lack, the last table's first.
        RETURN QUERY
        SELECT regexp_replace(pg_get_indexdef(index.indexrelid), ' ON (ONLY )?public\.', ' ON checkout_rebuilt.')
          FROM pg_index index
          JOIN pg_class class ON class.oid = index.indexrelid
          JOIN pg_class owner ON owner.oid = index.indrelid
         WHERE owner.relnamespace = 'public'::regnamespace AND owner.relname = ANY(tables)
           AND NOT EXISTS (SELECT FROM pg_class built
                            WHERE built.relnamespace = 'checkout_rebuilt'::regnamespace
                              AND built.relname = class.relname)
         ORDER BY array_position(tables, owner.relname) DESC, class.relname;
    WHEN 'constrain' THEN
        -- The constraints with an index that the built tables lack.
        RETURN QUERY
        SELECT format('ALTER TABLE checkout_rebuilt.%I ADD CONSTRAINT %I %s USING INDEX %I', owner.relname,
                      held.conname, CASE held.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, held.conname)
          FROM pg_constraint held
          JOIN pg_class owner ON owner.oid = held.conrelid
         WHERE owner.relnamespace = 'public'::regnamespace AND owner.relname = ANY(tables)
           AND held.contype IN ('p', 'u')
           AND NOT EXISTS (SELECT FROM pg_constraint built
                            WHERE built.connamespace = 'checkout_rebuilt'::regnamespace
                              AND built.conname = held.conname);
    WHEN 'analyse' THEN
        -- So that the planner knows the new tables as well as the old ones.
        RETURN QUERY SELECT format('ANALYZE checkout_rebuilt.%I', name) FROM unnest(tables) AS name;
    WHEN 'lock' THEN
        -- Nobody reads or writes the live tables from here to the end of the transaction.
        RETURN QUERY
        SELECT 'LOCK TABLE ' || string_agg(format('public.%I', name), ', ' ORDER BY number)
               || ' IN ACCESS EXCLUSIVE MODE'
          FROM unnest(tables) WITH ORDINALITY AS live (name, number);
    WHEN 'switch' THEN
        -- The built generation becomes the live one; the live one becomes the kept one.
        RETURN QUERY
        SELECT format('DROP TABLE IF EXISTS checkout_kept.%I', name) FROM unnest(tables) AS name
         UNION ALL
        SELECT format('ALTER TABLE public.%I SET SCHEMA checkout_kept', name) FROM unnest(tables) AS name
         UNION ALL
        SELECT format('ALTER TABLE checkout_rebuilt.%I SET SCHEMA public', name) FROM unnest(tables) AS name;
    WHEN 'change places' THEN
        -- Swaps the kept generation and the live one.
        RETURN QUERY
        SELECT format('ALTER TABLE public.%I SET SCHEMA checkout_rebuilt', name) FROM unnest(tables) AS name
         UNION ALL
        SELECT format('ALTER TABLE checkout_kept.%I SET SCHEMA public', name) FROM unnest(tables) AS name
         UNION ALL
        SELECT format('ALTER TABLE checkout_rebuilt.%I SET SCHEMA checkout_kept', name) FROM unnest(tables) AS name;
    WHEN 'drop built' THEN
        RETURN QUERY SELECT format('DROP TABLE IF EXISTS checkout_rebuilt.%I', name) FROM unnest(tables) AS name;
    WHEN 'drop kept' THEN
        RETURN QUERY SELECT format('DROP TABLE IF EXISTS checkout_kept.%I', name) FROM unnest(tables) AS name;
    END CASE;
END
$function$;
