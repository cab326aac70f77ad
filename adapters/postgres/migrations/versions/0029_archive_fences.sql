-- Files of the archive that hold nothing and are deleted. No basket moves to one of them any more.
CREATE TABLE abandoned_archive_files (
    file         text COLLATE "C" PRIMARY KEY,
    abandoned_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Baskets of an organisation, and those that were brought back.
CREATE INDEX archived_baskets_of_a_partner ON archived_baskets (partner, basket_id);
CREATE INDEX archived_baskets_brought_back ON archived_baskets (basket_id) WHERE restored_at IS NOT NULL;

\ir ../functions/abandon_archive_file.sql
\ir ../functions/archive_baskets.sql

REVOKE ALL ON FUNCTION abandon_archive_file FROM PUBLIC;
