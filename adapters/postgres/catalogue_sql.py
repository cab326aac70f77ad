"""Every statement on the catalogue's tables. Arrays go in, so that a batch is one round trip."""

from __future__ import annotations

CHANNEL = "checkout_catalogue"
"""Notified once a batch: a JSON array of the offer ids that were touched, or `EVERYTHING`."""

EVERYTHING = "*"

SEPARATOR = "\x1f"
"""Between the product codes of an offer (x1f in `PROJECT_OFFERS`); no identifier may hold it."""

# Records facts whose id is new, in the order of their ids (two writers then never wait for each other in
# a circle), and says which those were.
RECORD_FACTS = """
INSERT INTO catalogue_facts
    (fact_id, kind, subject, sequence, data, valid_from, valid_until, topic, partition, kafka_offset)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[],
    $6::timestamptz[], $7::timestamptz[], $8::text[], $9::int[], $10::bigint[])
ON CONFLICT (fact_id) DO NOTHING
RETURNING fact_id
"""

# What is recorded under ids that were not new.
RECORDED_FACTS = "SELECT fact_id, data FROM catalogue_facts WHERE fact_id = ANY($1::text[])"

# Which of these facts are recorded, counted.
COUNT_FACTS = "SELECT count(*) FROM catalogue_facts WHERE fact_id = ANY($1::text[])"

# Moves offer versions to newer facts; an older one, however late it comes, overwrites nothing.
PROJECT_OFFERS = """
INSERT INTO catalogue_offers AS held (offer_id, version, product_codes, fact_id, sequence, data)
SELECT offer_id, version, string_to_array(codes, E'\\x1f'), fact_id, sequence, data
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
    AS fact (offer_id, version, codes, fact_id, sequence, data)
ON CONFLICT (offer_id, version) DO UPDATE
SET product_codes = excluded.product_codes, fact_id = excluded.fact_id,
    sequence = excluded.sequence, data = excluded.data
WHERE excluded.sequence > held.sequence
"""

# The same for prices.
PROJECT_PRICES = """
INSERT INTO catalogue_prices AS held (subject, offer_id, offer_version, fact_id, sequence, data)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
ON CONFLICT (subject) DO UPDATE
SET fact_id = excluded.fact_id, sequence = excluded.sequence, data = excluded.data
WHERE excluded.sequence > held.sequence
"""

# The same for availability.
PROJECT_AVAILABILITY = """
INSERT INTO catalogue_availability AS held (subject, product_code, fact_id, sequence, data)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])
ON CONFLICT (subject) DO UPDATE
SET fact_id = excluded.fact_id, sequence = excluded.sequence, data = excluded.data
WHERE excluded.sequence > held.sequence
"""

# The same for policies.
PROJECT_POLICIES = """
INSERT INTO catalogue_policies AS held (subject, fact_id, sequence, data)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
ON CONFLICT (subject) DO UPDATE
SET fact_id = excluded.fact_id, sequence = excluded.sequence, data = excluded.data
WHERE excluded.sequence > held.sequence
"""

# Tells every process, when the batch commits, which offers it touched.
NOTIFY = "SELECT pg_notify($1, $2)"

# One JSON array's inside: all versions of the offers, their prices, and the availability of the products
# asked for and of those that the offers are made of, and the policies asked for; and the last position, as of
# the same moment. Arrays instead of joins keep it on the indexes.
CATALOGUE = """
WITH offers AS (
    SELECT data, product_codes FROM catalogue_offers WHERE offer_id = ANY($1::text[])
), facts AS (
    SELECT data FROM offers
    UNION ALL
    SELECT data FROM catalogue_prices WHERE offer_id = ANY($1::text[])
    UNION ALL
    SELECT data FROM catalogue_availability
    WHERE product_code = ANY($2::text[] || ARRAY(SELECT DISTINCT unnest(product_codes) FROM offers))
    UNION ALL
    SELECT data FROM catalogue_policies WHERE subject = ANY($3::text[])
)
SELECT string_agg(data, ','::bytea), (SELECT coalesce(max(position), 0) FROM catalogue_facts) FROM facts
"""
