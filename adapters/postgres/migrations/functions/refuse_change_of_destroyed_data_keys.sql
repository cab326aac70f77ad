-- A trigger of `data_keys` calls it: a destroyed key stays destroyed, and its row stays.
CREATE OR REPLACE FUNCTION refuse_change_of_destroyed_data_keys() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '% on a data key that is destroyed is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'What was forgotten stays so.';
END
$function$;
