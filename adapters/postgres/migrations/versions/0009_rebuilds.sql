-- The live generation of what is derived lies in the schema public, always. A generation that is being built lies in
-- the first of these, one that is kept for a roll-back in the second; to switch is to move tables between them,
-- so that names of tables, indexes and constraints stay what they are.
CREATE SCHEMA IF NOT EXISTS checkout_rebuilt;
CREATE SCHEMA IF NOT EXISTS checkout_kept;

-- Each rebuild as it stands: who works on it says so here, others watch it and ask it to stop.
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

-- The parts of a rebuild, each done by one process at a time: what lies after one key up to another. `reached` moves
-- in the transactions that write the rows, so that a part goes on exactly where it was.
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
