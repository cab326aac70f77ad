-- The audit log: what operators changed, who, why and about what. Append-only, like events.
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

\ir ../functions/refuse_change_of_operator_actions.sql

CREATE TRIGGER operator_actions_stay_as_they_are
    BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_actions FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change_of_operator_actions();
ALTER TABLE operator_actions ENABLE ALWAYS TRIGGER operator_actions_stay_as_they_are;
