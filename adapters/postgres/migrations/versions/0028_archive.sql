-- Which file holds the events of each basket that is in the archive, and what they are. A basket that was brought back
-- (`restored_at`) keeps its row, so that it is not archived again at once.
CREATE TABLE archived_baskets (
    basket_id      text COLLATE "C" PRIMARY KEY,
    partner        text NOT NULL,
    file           text COLLATE "C" NOT NULL,
    version        int NOT NULL,     -- its last one, which is the number of its events
    first_position bigint NOT NULL,
    last_position  bigint NOT NULL,
    digest         bytea NOT NULL,   -- of its events, from event_digest() of each
    archived_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    restored_at    timestamptz
);
CREATE INDEX archived_baskets_of_a_file ON archived_baskets (file);

\ir ../functions/event_digest.sql
\ir ../functions/archive_baskets.sql
\ir ../functions/restore_baskets.sql

REVOKE ALL ON FUNCTION archive_baskets, restore_baskets FROM PUBLIC;
