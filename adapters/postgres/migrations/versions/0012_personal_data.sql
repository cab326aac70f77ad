-- The keys that encrypt personal data, one for each basket at a time. A master key that is not in the database encrypts
-- them. A destroyed key leaves a row that says when and by which operator's action.
CREATE TABLE data_keys (
    key_id       text COLLATE "C" PRIMARY KEY,
    basket_id    text COLLATE "C" NOT NULL,
    master       text COLLATE "C",
    wrapped      bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    action_id    text COLLATE "C",
    CHECK ((wrapped IS NULL) = (master IS NULL)),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((wrapped IS NULL) = (action_id IS NOT NULL))
);
CREATE UNIQUE INDEX data_keys_alive ON data_keys (basket_id) WHERE wrapped IS NOT NULL;
CREATE INDEX data_keys_of_a_basket ON data_keys (basket_id, key_id);
\ir ../functions/refuse_change_of_destroyed_data_keys.sql

CREATE TRIGGER data_keys_that_are_destroyed_stay_so
    BEFORE UPDATE OR DELETE ON data_keys FOR EACH ROW
    WHEN (OLD.wrapped IS NULL)
    EXECUTE FUNCTION refuse_change_of_destroyed_data_keys();

-- Whose data baskets hold, as long as they hold it: an organisation's own ids of persons.
CREATE TABLE basket_subjects (
    subject   text COLLATE "C" NOT NULL,
    partner   text COLLATE "C" NOT NULL,
    basket_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, partner, basket_id)
);
CREATE INDEX basket_subjects_of_a_basket ON basket_subjects (basket_id);

-- Erased baskets, each with the version of the event that records it. Data that they stored before there were keys is no
-- longer shown.
CREATE TABLE forgotten_baskets (
    basket_id    text COLLATE "C" PRIMARY KEY,
    version      int NOT NULL,
    action_id    text COLLATE "C" NOT NULL,
    forgotten_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The basket that a stored response is about, so that erasure finds it.
ALTER TABLE answers ADD COLUMN stream_id text COLLATE "C";
UPDATE answers SET stream_id = convert_from(body, 'UTF8')::jsonb ->> 'id'
 WHERE status = 200 AND body LIKE '{"id":"basket-%'::bytea;
CREATE INDEX answers_of_a_stream ON answers (stream_id) WHERE stream_id IS NOT NULL;
