-- Creates the four roles with which the service signs in, gives existing objects to the owner, and revokes rights that
-- PostgreSQL grants to everybody. It may run again at any time. Run it as a superuser, or as a role that may create roles
-- and owns the database and its content. `checkout migrate`, signed in as the owner, then grants each role its rights.
DO $make$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['checkout_owner', 'checkout_api', 'checkout_worker', 'checkout_operator'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            -- It can sign in once it has a password, or through members that can.
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
    -- Only a member of the owner's role can transfer ownership to it.
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
    -- A rebuild of a few baskets compares them in temporary tables.
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO checkout_operator', current_database());
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$open$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO checkout_owner;
GRANT USAGE ON SCHEMA public TO checkout_api, checkout_worker, checkout_operator;
CREATE SCHEMA IF NOT EXISTS checkout_rebuilt;
CREATE SCHEMA IF NOT EXISTS checkout_kept;

-- Functions of later migrations belong to the owner alone until a right is granted.
ALTER DEFAULT PRIVILEGES FOR ROLE checkout_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Objects from before there were roles go to the owner: all objects of the role that owns the table of events, except those
-- of an extension. (A column's sequence follows its table.)
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
        -- Processes that still sign in as the former owner continue to work.
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
