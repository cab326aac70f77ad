-- A tombstone withdraws the facts last published under its key. The withdrawal is a fact as well: it starts a new epoch of
-- its subject. Even epochs hold facts, odd epochs are withdrawals, and a fact after a withdrawal starts the next epoch. Of
-- two facts about a subject, the one with the higher epoch is newer, then the one with the higher sequence.
ALTER TABLE catalogue_facts ADD COLUMN epoch int NOT NULL DEFAULT 0 CHECK (epoch >= 0);

-- Withdrawals are few, and every recording of facts looks for them.
CREATE INDEX catalogue_facts_withdrawals ON catalogue_facts (subject) WHERE epoch % 2 = 1;

CREATE OR REPLACE VIEW readable_catalogue_facts AS
SELECT fact_id, kind, subject, sequence, convert_from(data, 'UTF8')::jsonb AS data,
       valid_from, valid_until, learned_at, topic, partition, kafka_offset, position, epoch
  FROM catalogue_facts;

-- The projections, including those that a rebuild is building or keeps.
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

-- The key under which the newest fact about a subject was last published, if it is not the subject's name.
CREATE TABLE catalogue_keys (
    subject     text COLLATE "C" PRIMARY KEY,
    kind        text NOT NULL,
    message_key bytea NOT NULL,
    epoch       int NOT NULL,
    sequence    bigint NOT NULL
);
CREATE INDEX catalogue_keys_of_a_key ON catalogue_keys (message_key, kind);

-- Earlier releases did not store keys. Their `checkout catalogue load` used the offer's id, the product's code and the
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

-- How far each partition is recorded, and the latest timestamp of its messages up to there. They distinguish repeated
-- messages from new ones.
CREATE TABLE catalogue_sources (
    topic        text NOT NULL,
    partition    int NOT NULL,
    kafka_offset bigint NOT NULL,
    said_at      timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);
