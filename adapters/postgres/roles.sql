-- Makes the four roles that the service signs in by, gives what is there to the owner, and closes what PostgreSQL
-- leaves open to everybody. It may be run again at any time. Who runs it is a superuser, or may create roles and owns
-- the database and what is in it. `checkout migrate`, signed in as the owner, then gives each role its rights.
DO $make$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['checkout_owner', 'checkout_api', 'checkout_worker', 'checkout_operator'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            -- They sign in once they have a password, or by members that may sign in.
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
        IF EXISTS (SELECT FROM pg_roles
                    WHERE rolname = role
                      AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)) THEN
            RAISE EXCEPTION 'the role % may do more than this service needs', role
                USING HINT = format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS',
                                    role);
        END IF;
    END LOOP;
    FOREACH role IN ARRAY ARRAY['checkout_api', 'checkout_worker', 'checkout_operator'] LOOP
        IF pg_has_role(role, 'checkout_owner', 'MEMBER') THEN
            RAISE EXCEPTION 'the role % is a member of checkout_owner', role
                USING HINT = format('REVOKE checkout_owner FROM %I', role);
        END IF;
    END LOOP;
    -- Only one who may become the owner can give it something.
    IF NOT pg_has_role('checkout_owner', 'USAGE') THEN
        EXECUTE format('GRANT checkout_owner TO %I', current_user);
    END IF;
END
$make$;

-- The database and the schemas.
DO $open$
BEGIN
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO checkout_owner', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO checkout_api, checkout_worker', current_database());
    -- A rebuild of some baskets compares them in temporary tables.
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO checkout_operator', current_database());
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$open$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO checkout_owner;
GRANT USAGE ON SCHEMA public TO checkout_api, checkout_worker, checkout_operator;
CREATE SCHEMA IF NOT EXISTS checkout_rebuilt;
CREATE SCHEMA IF NOT EXISTS checkout_kept;

-- Functions that later migrations make are nobody's but the owner's until a right is given.
ALTER DEFAULT PRIVILEGES FOR ROLE checkout_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- What was made before there were roles goes to the owner: all that the same role owns as the table of events, but
-- for what belongs to an extension. (A sequence of a column goes along with its table.)
DO $move$
DECLARE
    before regrole := (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.events'));
    moved  text;
BEGIN
    IF before <> 'checkout_owner'::regrole THEN
        FOR moved IN
            SELECT format('ALTER %s %s OWNER TO checkout_owner',
                          CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, class.oid::regclass)
              FROM pg_class class JOIN pg_namespace space ON space.oid = class.relnamespace
             WHERE space.nspname IN ('public', 'checkout_rebuilt', 'checkout_kept')
               AND class.relkind IN ('r', 'p', 'v') AND class.relowner = before
               AND NOT EXISTS (SELECT FROM pg_depend
                                WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
             UNION ALL
            SELECT format('ALTER ROUTINE %s OWNER TO checkout_owner', routine.oid::regprocedure)
              FROM pg_proc routine
             WHERE routine.pronamespace = 'public'::regnamespace AND routine.proowner = before
               AND NOT EXISTS (SELECT FROM pg_depend
                                WHERE classid = 'pg_proc'::regclass AND objid = routine.oid AND deptype = 'e')
        LOOP
            EXECUTE moved;
        END LOOP;
        -- Processes that still sign in as the former owner go on.
        IF NOT pg_has_role(before, 'checkout_owner', 'USAGE') THEN
            EXECUTE format('GRANT checkout_owner TO %s', before);
            RAISE NOTICE '% may still do all that checkout_owner may: REVOKE checkout_owner FROM %, once nothing signs in by it',
                before, before;
        END IF;
    END IF;
END
$move$;
ALTER SCHEMA checkout_rebuilt OWNER TO checkout_owner;
ALTER SCHEMA checkout_kept OWNER TO checkout_owner;
