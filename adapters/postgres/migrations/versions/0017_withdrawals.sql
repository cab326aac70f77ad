-- A tombstone withdraws what was last said under its key. The withdrawal is a fact as well: it begins a new epoch of
-- its subject. Epochs of even numbers say something, those of odd numbers are withdrawals, and what is said after a
-- withdrawal begins the next one. Of two facts about a subject that of the higher epoch is the newer, then that of the
-- higher sequence.
ALTER TABLE catalogue_facts ADD COLUMN epoch int NOT NULL DEFAULT 0 CHECK (epoch >= 0);

-- Withdrawals are few, and looked for whenever something is learned.
CREATE INDEX catalogue_facts_withdrawals ON catalogue_facts (subject) WHERE epoch % 2 = 1;

CREATE OR REPLACE VIEW readable_catalogue_facts AS
SELECT fact_id, kind, subject, sequence, convert_from(data, 'UTF8')::jsonb AS data,
       valid_from, valid_until, learned_at, topic, partition, kafka_offset, position, epoch
  FROM catalogue_facts;

-- The projections, also those that a rebuild makes or keeps.
DO $epochs$
DECLARE
    projection regclass;
BEGIN
    FOR projection IN
        SELECT to_regclass(schema || '.' || name)
          FROM unnest(ARRAY['public', 'checkout_kept', 'checkout_rebuilt']) AS schema,
               unnest(ARRAY['catalogue_offers', 'catalogue_prices', 'catalogue_availability', 'catalogue_policies'])
                   AS name
         WHERE to_regclass(schema || '.' || name) IS NOT NULL
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN epoch int NOT NULL DEFAULT 0', projection);
    END LOOP;
END
$epochs$;

-- Under which key the newest fact about a subject was said last, where that is not the subject's name.
CREATE TABLE catalogue_keys (
    subject     text COLLATE "C" PRIMARY KEY,
    kind        text NOT NULL,
    message_key bytea NOT NULL,
    epoch       int NOT NULL,
    sequence    bigint NOT NULL
);
CREATE INDEX catalogue_keys_of_a_key ON catalogue_keys (message_key, kind);

-- Until now nobody wrote keys down. `checkout catalogue load` took the offer's id, the product's code and the
-- organisation's name.
INSERT INTO catalogue_keys (subject, kind, message_key, epoch, sequence)
SELECT 'offer/' || replace(replace(replace(offer_id, '%', '%25'), '/', '%2F'), '*', '%2A')
       || '/' || replace(replace(replace(version, '%', '%25'), '/', '%2F'), '*', '%2A'),
       'offer', convert_to(offer_id, 'UTF8'), 0, sequence
  FROM catalogue_offers
 UNION ALL
SELECT subject, 'price', convert_to(offer_id, 'UTF8'), 0, sequence FROM catalogue_prices
 UNION ALL
SELECT subject, 'availability', convert_to(product_code, 'UTF8'), 0, sequence FROM catalogue_availability
 UNION ALL
SELECT subject, 'policy', convert_to(substr(subject, length('policy/') + 1), 'UTF8'), 0, sequence
  FROM catalogue_policies;

-- Up to where each partition was learned, and the latest time that a message up to there bears: what comes again is
-- told from what is said anew.
CREATE TABLE catalogue_sources (
    topic        text NOT NULL,
    partition    int NOT NULL,
    kafka_offset bigint NOT NULL,
    said_at      timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);
