-- One row for each subject: `consumer groups` (the watcher's newest measurements, of all groups together) and `topics`
-- (what is wrong with the settings of topics and brokers). Each is replaced as a whole.
CREATE TABLE broker_observations (
    subject text PRIMARY KEY,
    observed_at timestamptz NOT NULL,
    found jsonb NOT NULL
);
