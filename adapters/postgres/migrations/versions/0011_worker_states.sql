-- How each worker of each process is, as the process says it every two seconds. A row of its own for each, and
-- room on its page, so that an update moves no index and leaves nothing to clear away for long.
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
