-- A trigger of `operator_actions` calls it: an audit record is added and never changed.
CREATE OR REPLACE FUNCTION refuse_change_of_operator_actions() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '% on operator_actions is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'What was done stays as it was written.';
END
$function$;
