-- The status of each worker of each process, reported every two seconds. Each has a row of its own, with free space on its
-- page, so that an update changes no index and leaves little to vacuum.
CREATE TABLE worker_states (
    worker        text COLLATE "C" NOT NULL,
    instance      text COLLATE "C" NOT NULL,
    host          text NOT NULL,
    pid           int NOT NULL,
    release       text NOT NULL,
    condition     text COLLATE "C" NOT NULL,
    since         timestamptz NOT NULL,
    started_at    timestamptz NOT NULL,
    beaten_at     timestamptz NOT NULL,
    reported_at   timestamptz NOT NULL,
    role          text COLLATE "C",
    holds_role    boolean NOT NULL,
    position      bigint,
    lag_events    bigint,
    lag_seconds   double precision,
    figures_at    timestamptz,
    rate          double precision,
    handled       bigint NOT NULL,
    restarts      int NOT NULL,
    last_error    text,
    last_error_at timestamptz,
    PRIMARY KEY (worker, instance)
) WITH (fillfactor = 50);
