-- A trigger of `catalogue_facts` calls it before the first position is drawn: one transaction at a time records facts.
-- So the order of positions is the order of commits, and a tail never skips a fact.
CREATE OR REPLACE FUNCTION learn_one_after_the_other() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(7208041003);
    RETURN NULL;
END
$function$;
