-- Every fact of the catalogue, with the time of its recording and the place of its message. A verdict names the ids of the
-- facts it rests on. Facts never change, so that each of them can be shown later.
CREATE TABLE catalogue_facts (
    fact_id      text COLLATE "C" PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('offer', 'price', 'availability')),
    subject      text COLLATE "C" NOT NULL,
    sequence     bigint NOT NULL CHECK (sequence >= 0),
    data         bytea NOT NULL,
    valid_from   timestamptz,
    valid_until  timestamptz,
    learned_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    topic        text NOT NULL,
    partition    int NOT NULL,
    kafka_offset bigint NOT NULL
);

\ir ../functions/refuse_change_of_catalogue_facts.sql

CREATE TRIGGER catalogue_facts_stay_as_they_are
    BEFORE UPDATE OR DELETE OR TRUNCATE ON catalogue_facts FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change_of_catalogue_facts();
ALTER TABLE catalogue_facts ENABLE ALWAYS TRIGGER catalogue_facts_stay_as_they_are;

CREATE VIEW readable_catalogue_facts AS
SELECT fact_id, kind, subject, sequence, convert_from(data, 'UTF8')::jsonb AS data,
       valid_from, valid_until, learned_at, topic, partition, kafka_offset
  FROM catalogue_facts;

-- The newest fact of each offer version, with the codes of the offer's products.
CREATE TABLE catalogue_offers (
    offer_id      text COLLATE "C" NOT NULL,
    version       text COLLATE "C" NOT NULL,
    product_codes text[] NOT NULL,
    fact_id       text COLLATE "C" NOT NULL,
    sequence      bigint NOT NULL,
    data          bytea NOT NULL,
    PRIMARY KEY (offer_id, version)
);

-- The newest fact of each price.
CREATE TABLE catalogue_prices (
    subject       text COLLATE "C" PRIMARY KEY,
    offer_id      text COLLATE "C" NOT NULL,
    offer_version text COLLATE "C" NOT NULL,
    fact_id       text COLLATE "C" NOT NULL,
    sequence      bigint NOT NULL,
    data          bytea NOT NULL
);
CREATE INDEX catalogue_prices_of_an_offer ON catalogue_prices (offer_id);

-- The newest fact of each product's availability, in each place and for each partner organisation.
CREATE TABLE catalogue_availability (
    subject      text COLLATE "C" PRIMARY KEY,
    product_code text COLLATE "C" NOT NULL,
    fact_id      text COLLATE "C" NOT NULL,
    sequence     bigint NOT NULL,
    data         bytea NOT NULL
);
CREATE INDEX catalogue_availability_of_a_product ON catalogue_availability (product_code);
