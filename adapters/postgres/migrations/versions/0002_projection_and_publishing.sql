-- Open baskets by the time they are due. Nobody looks for finished ones.
CREATE INDEX basket_views_due ON basket_views (expires_at) WHERE status = 'open';

-- Messages that a worker could not process, each once: by their offset and content, because offsets start again when a
-- topic is created again.
CREATE TABLE dead_letters (
    topic          text COLLATE "C" NOT NULL,
    partition      int NOT NULL,
    message_offset bigint NOT NULL,
    digest         bytea NOT NULL,
    key            bytea,
    value          bytea,
    header_names   text[] NOT NULL,
    header_values  bytea[] NOT NULL,
    code           text NOT NULL,
    error          text NOT NULL,
    basket_id      text COLLATE "C",
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at     timestamptz,
    PRIMARY KEY (topic, partition, message_offset, digest)
);

-- A basket with an unresolved dead letter is blocked.
CREATE INDEX dead_letters_parking ON dead_letters (basket_id)
    WHERE settled_at IS NULL AND basket_id IS NOT NULL;

-- Checkpoints of publishers whose broker has no transactions.
CREATE TABLE publisher_positions (
    publisher_id text COLLATE "C" PRIMARY KEY,
    position     bigint NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
