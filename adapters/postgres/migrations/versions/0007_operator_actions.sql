-- What operators changed: who, why, what it was about. Append-only, like what happened to baskets.
CREATE TABLE operator_actions (
    id          text COLLATE "C" PRIMARY KEY,
    type        text COLLATE "C" NOT NULL,
    actor       text NOT NULL,
    way         text NOT NULL,
    reason      text NOT NULL,
    scope       jsonb NOT NULL,
    occurred_at timestamptz NOT NULL
);
CREATE INDEX operator_actions_newest ON operator_actions (occurred_at DESC);

CREATE FUNCTION refuse_change_of_operator_actions() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '% on operator_actions is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'What was done stays as it was written.';
END
$function$;

CREATE TRIGGER operator_actions_stay_as_they_are
    BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_actions FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change_of_operator_actions();
ALTER TABLE operator_actions ENABLE ALWAYS TRIGGER operator_actions_stay_as_they_are;
