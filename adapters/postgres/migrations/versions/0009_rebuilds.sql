-- The live generation of the read models is always in the schema public. A generation that is being built is in the first
-- of these schemas, one that is kept for a roll-back in the second. A switch moves tables between the schemas, so that
-- tables, indexes and constraints keep their names.
CREATE SCHEMA IF NOT EXISTS checkout_rebuilt;
CREATE SCHEMA IF NOT EXISTS checkout_kept;

-- The state of each rebuild. The process that works on it reports here; others watch it and ask it to stop.
CREATE TABLE rebuilds (
    id               text COLLATE "C" PRIMARY KEY,
    target           text COLLATE "C" NOT NULL,
    scope            jsonb NOT NULL,
    dry_run          boolean NOT NULL,
    state            text NOT NULL,
    actor            text NOT NULL,
    way              text NOT NULL,
    reason           text NOT NULL,
    workers          int NOT NULL,
    layout           text NOT NULL,
    caught_up        bigint NOT NULL,
    total            bigint NOT NULL,
    rate             float8 NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    waiting_for      text,
    comparison       jsonb,
    error            text,
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    beaten_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at         timestamptz
);
CREATE INDEX rebuilds_newest ON rebuilds (started_at DESC);

-- The ranges of a rebuild, from one key to another, each handled by one process at a time. `reached` moves in the
-- transactions that write the rows, so that a range continues exactly where it stopped.
CREATE TABLE rebuild_ranges (
    rebuild_id text COLLATE "C" NOT NULL,
    number     int NOT NULL,
    upto       text COLLATE "C" NOT NULL,
    reached    text COLLATE "C" NOT NULL,
    finished   boolean NOT NULL DEFAULT false,
    events     bigint NOT NULL DEFAULT 0,
    rows       bigint NOT NULL DEFAULT 0,
    unfoldable jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (rebuild_id, number)
);
