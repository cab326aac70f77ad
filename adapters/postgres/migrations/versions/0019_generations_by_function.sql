-- The statements of one step of a rebuild, in their order. A generation that is built lies in checkout_rebuilt, one
-- that is kept in checkout_kept. Names of tables cannot be parameters, so the server writes the statements and
-- quotes the names.
CREATE FUNCTION generation_statements(step text, tables name[]) RETURNS SETOF text
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
        -- Empty tables like the live ones, without their indexes: to build these at the end is faster.
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
        -- The indexes that the built tables do not have yet, the largest tables' among them.
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
        -- The constraints that rest on indexes, and that the built tables do not have yet.
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
        -- The planner is to know the new tables as well as it knew the old ones.
        RETURN QUERY SELECT format('ANALYZE checkout_rebuilt.%I', name) FROM unnest(tables) AS name;
    WHEN 'lock' THEN
        -- Nobody reads or writes the live tables from here to the end of the transaction.
        RETURN QUERY
        SELECT 'LOCK TABLE ' || string_agg(format('public.%I', name), ', ' ORDER BY number)
               || ' IN ACCESS EXCLUSIVE MODE'
          FROM unnest(tables) WITH ORDINALITY AS live (name, number);
    WHEN 'switch' THEN
        -- The built generation takes the place of the live one, and that of the one that was kept.
        RETURN QUERY
        SELECT format('DROP TABLE IF EXISTS checkout_kept.%I', name) FROM unnest(tables) AS name
         UNION ALL
        SELECT format('ALTER TABLE public.%I SET SCHEMA checkout_kept', name) FROM unnest(tables) AS name
         UNION ALL
        SELECT format('ALTER TABLE checkout_rebuilt.%I SET SCHEMA public', name) FROM unnest(tables) AS name;
    WHEN 'change places' THEN
        -- The kept generation and the live one change places.
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

-- Executes one statement of a step with the rights of the tables' owner, and nothing that is no statement of it.
-- One call a statement, so that several sessions may build indexes at the same time.
CREATE FUNCTION execute_generation_statement(step text, tables name[], statement text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM public.generation_statements(step, tables) AS written WHERE written = statement) THEN
        RAISE EXCEPTION '% is no statement of the step "%"', statement, step
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE statement;
END
$function$;

REVOKE ALL ON FUNCTION execute_generation_statement FROM PUBLIC;
