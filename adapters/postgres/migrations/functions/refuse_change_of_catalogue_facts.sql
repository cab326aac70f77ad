-- A trigger of `catalogue_facts` calls it: a fact is added and never changed.
CREATE OR REPLACE FUNCTION refuse_change_of_catalogue_facts() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '% on catalogue_facts is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'A newer fact takes the place of an older one.';
END
$function$;
