-- Triggers of `events` call it: an event is appended by append_events() and never changed.
CREATE OR REPLACE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '% on events is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = CASE TG_OP WHEN 'INSERT' THEN 'Events are appended by append_events().'
                                ELSE 'What happened stays as it was written.' END;
END
$function$;
