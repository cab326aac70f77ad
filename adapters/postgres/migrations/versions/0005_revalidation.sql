-- The order in which facts were recorded. A verdict names the last position that it knew: all facts up to it were known
-- then, and none after it. Facts from before this migration are numbered as they are stored.
ALTER TABLE catalogue_facts ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY (CACHE 1);
CREATE UNIQUE INDEX catalogue_facts_position ON catalogue_facts (position);

\ir ../functions/learn_one_after_the_other.sql

CREATE TRIGGER catalogue_facts_are_learned_one_after_the_other
    BEFORE INSERT ON catalogue_facts FOR EACH STATEMENT
    EXECUTE FUNCTION learn_one_after_the_other();

CREATE OR REPLACE VIEW readable_catalogue_facts AS
SELECT fact_id, kind, subject, sequence, convert_from(data, 'UTF8')::jsonb AS data,
       valid_from, valid_until, learned_at, topic, partition, kafka_offset, position
  FROM catalogue_facts;

-- Checkpoints of those who read the facts in the order of their positions.
CREATE TABLE catalogue_readers (
    reader      text COLLATE "C" PRIMARY KEY,
    position    bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The references of each open basket: `offer/<id>`, `product/<code>`, `policy/<partner>` and `policy`. They change in the
-- transactions that change the views.
CREATE TABLE open_basket_uses (
    basket_id text COLLATE "C" NOT NULL,
    name      text COLLATE "C" NOT NULL,
    PRIMARY KEY (basket_id, name)
);
CREATE INDEX open_basket_uses_of_a_name ON open_basket_uses (name, basket_id);

-- The references of existing baskets.
INSERT INTO open_basket_uses (basket_id, name)
SELECT view.basket_id, used.name
  FROM (SELECT basket_id, partner, convert_from(snapshot, 'UTF8')::jsonb -> 'items' AS items
          FROM basket_views WHERE status = 'open' OFFSET 0) AS view,
       LATERAL (SELECT 'policy'
                 UNION
                SELECT 'policy/' || view.partner
                 UNION
                SELECT 'offer/' || (item -> 'offer' ->> 'id') FROM jsonb_array_elements(view.items) AS item
                 UNION
                SELECT 'product/' || (product ->> 'productCode')
                  FROM jsonb_array_elements(view.items) AS item,
                       jsonb_array_elements(item -> 'offer' -> 'products') AS product) AS used (name);
