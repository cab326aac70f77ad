-- A number for people to type, which is also the order in which dead letters were recorded. Existing ones get theirs in that
-- order.
ALTER TABLE dead_letters ADD COLUMN number bigint;
UPDATE dead_letters
   SET number = numbered.number
  FROM (SELECT topic, partition, message_offset, digest,
               row_number() OVER (ORDER BY recorded_at, topic, partition, message_offset) AS number
          FROM dead_letters) AS numbered
 WHERE (dead_letters.topic, dead_letters.partition, dead_letters.message_offset, dead_letters.digest)
     = (numbered.topic, numbered.partition, numbered.message_offset, numbered.digest);
ALTER TABLE dead_letters
    ALTER COLUMN number SET NOT NULL,
    ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('dead_letters', 'number'), max(number)) FROM dead_letters
HAVING max(number) IS NOT NULL;
CREATE UNIQUE INDEX dead_letters_number ON dead_letters (number);

ALTER TABLE dead_letters
    -- The basket that a message is about, whether or not it blocks it: from its content, its key or its ce_subject.
    -- (Bytes that are not a basket's id may not be text either, and `encode` accepts any.)
    ADD COLUMN about text COLLATE "C" GENERATED ALWAYS AS (coalesce(
        basket_id,
        substring(encode(key, 'escape') FROM '^basket-[A-Za-z0-9_-]{32,36}$'),
        substring(encode(header_values[array_position(header_names, 'ce_subject')], 'escape')
                  FROM '^basket-[A-Za-z0-9_-]{32,36}$'))) STORED,
    ADD COLUMN tries int NOT NULL DEFAULT 0,
    ADD COLUMN tried_at timestamptz,
    ADD COLUMN last_error text,
    ADD COLUMN settled_by text CHECK (settled_by IN ('retried', 'skipped'));

-- Unresolved ones: by number for lists, by topic and code for counts, by basket for its order.
CREATE INDEX dead_letters_waiting ON dead_letters (number) WHERE settled_at IS NULL;
CREATE INDEX dead_letters_counted ON dead_letters (topic, code) WHERE settled_at IS NULL;
CREATE INDEX dead_letters_in_order ON dead_letters (about, number) WHERE settled_at IS NULL;

-- Runs of republishing: what each sends, so that an interrupted one can continue. Its checkpoint is in Kafka, with its
-- messages.
CREATE TABLE republications (
    id            text COLLATE "C" PRIMARY KEY,
    topic         text NOT NULL,
    content       text NOT NULL CHECK (content IN ('events', 'verdicts')),
    from_position bigint NOT NULL,
    to_position   bigint NOT NULL,
    partner       text,
    basket_id     text COLLATE "C",
    started_at    timestamptz NOT NULL,
    ended_at      timestamptz
);
