-- Executes one statement of a step with the rights of the tables' owner, and refuses any other statement. One call a
-- statement, so that several sessions may build indexes concurrently.
CREATE OR REPLACE FUNCTION execute_generation_statement(step text, tables name[], statement text) RETURNS void
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
