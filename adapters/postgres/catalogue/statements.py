"""The statements that write the catalogue's tables, each for a whole batch, and the one that reads them."""

from __future__ import annotations

from pathlib import Path

CHANNEL = "checkout_catalogue"
"""Notified once a batch: a JSON array of the ids of the offers that were touched, or `EVERYTHING`."""

EVERYTHING = "*"

SEPARATOR = "\x1e"
"""Separates the values of a column (x1e in the statements). A column is one text, because the driver encodes a text
many times faster than an array. No identifier contains it, and JSON escapes it."""

CODE_SEPARATOR = "\x1f"
"""Separates the product codes of an offer (x1f in `PROJECT_OFFERS`)."""

# Records the facts whose id is new, and returns these ids. Facts come sorted by id, so that two writers never wait for
# each other in a circle.
RECORD_FACTS = """
INSERT INTO catalogue_facts
    (fact_id, kind, subject, epoch, sequence, data, valid_from, valid_until, topic, partition, kafka_offset)
SELECT fact_id, kind, subject, epoch::int, sequence::bigint, convert_to(data, 'UTF8'),
       valid_from::timestamptz, valid_until::timestamptz, topic, partition::int, kafka_offset::bigint
FROM unnest(
    string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'),
    string_to_array($4, E'\\x1e'), string_to_array($5, E'\\x1e'), string_to_array($6, E'\\x1e'),
    string_to_array($7, E'\\x1e', ''), string_to_array($8, E'\\x1e', ''), string_to_array($9, E'\\x1e'),
    string_to_array($10, E'\\x1e'), string_to_array($11, E'\\x1e'))
    AS fact (fact_id, kind, subject, epoch, sequence, data, valid_from, valid_until, topic, partition, kafka_offset)
ON CONFLICT (fact_id) DO NOTHING
RETURNING fact_id
"""

# The facts recorded under ids that were not new.
RECORDED_FACTS = "SELECT fact_id, data FROM catalogue_facts WHERE fact_id = ANY($1::text[])"

# How many of these facts are recorded. A fact that was withdrawn and not stated again does not count; one that was
# stated again has its epoch behind its id.
COUNT_FACTS = """
SELECT count(*) FROM unnest($1::text[]) AS wanted (id) WHERE EXISTS (
    SELECT FROM catalogue_facts fact
     WHERE fact.fact_id >= wanted.id AND fact.fact_id < wanted.id || E'\\x7f'
       AND (fact.fact_id = wanted.id OR starts_with(fact.fact_id, wanted.id || '~'))
       AND fact.epoch % 2 = 0
       AND NOT EXISTS (SELECT FROM catalogue_facts withdrawal
                        WHERE withdrawal.subject = fact.subject AND withdrawal.epoch % 2 = 1
                          AND withdrawal.epoch > fact.epoch))
"""

# The withdrawals of some subjects, with their epochs and messages.
WITHDRAWALS = """
SELECT subject, epoch, topic, partition, kafka_offset FROM catalogue_facts
 WHERE epoch % 2 = 1 AND subject = ANY (string_to_array($1, E'\\x1e'))
"""

# The newest fact of each subject, from the ranges of fact ids from $1 to $2.
NEWEST = """
SELECT DISTINCT ON (fact.subject) fact.subject, fact.data
  FROM unnest($1::text[], $2::text[]) AS wanted (beginning, ending),
       LATERAL (SELECT subject, epoch, sequence, data FROM catalogue_facts
                 WHERE fact_id >= wanted.beginning AND fact_id < wanted.ending
                OFFSET 0) AS fact
 ORDER BY fact.subject, fact.epoch DESC, fact.sequence DESC
"""

# All facts in the ranges of ids from $1 to $2.
ALL_ABOUT = """
SELECT fact.data FROM unnest($1::text[], $2::text[]) AS wanted (beginning, ending), catalogue_facts fact
 WHERE fact.fact_id >= wanted.beginning AND fact.fact_id < wanted.ending
"""

# Records the keys under which the newest facts were stated last.
WRITE_KEYS = """
INSERT INTO catalogue_keys AS held (subject, kind, message_key, epoch, sequence)
SELECT subject, kind, message_key, epoch, sequence
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::int[], $5::bigint[])
       AS stated (subject, kind, message_key, epoch, sequence)
ON CONFLICT (subject) DO UPDATE
SET message_key = excluded.message_key, epoch = excluded.epoch, sequence = excluded.sequence
WHERE (excluded.epoch, excluded.sequence) >= (held.epoch, held.sequence)
"""

# Deletes the keys of facts that were stated last under their subject.
DELETE_KEYS = """
DELETE FROM catalogue_keys held
 USING unnest(string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'))
       AS stated (subject, epoch, sequence)
 WHERE held.subject = stated.subject
   AND (held.epoch, held.sequence) <= (stated.epoch::int, stated.sequence::bigint)
"""

# The subjects that were stated last under some keys.
STATED_UNDER = """
SELECT DISTINCT held.message_key, held.kind, held.subject, held.epoch, held.sequence
  FROM unnest($1::bytea[], $2::text[]) AS wanted (message_key, kind)
  JOIN catalogue_keys held USING (message_key, kind)
"""

# How far some partitions were recorded.
READ_MARKS = """
SELECT topic, partition, kafka_offset, said_at FROM catalogue_sources
 WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))
"""

WRITE_MARKS = """
INSERT INTO catalogue_sources (topic, partition, kafka_offset, said_at)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (topic, partition) DO UPDATE SET kafka_offset = excluded.kafka_offset, said_at = excluded.said_at
"""

# One transaction at a time records facts. The table's trigger takes the same lock, but only at the first insert.
# A plan that was made while the tables were empty is kept, and must not read whole tables later.
LOCK_WRITERS = "SELECT pg_advisory_xact_lock(7208041003), set_config('enable_seqscan', 'off', true)"

# Updates offer versions by newer facts; an older fact that arrives late overwrites nothing.
PROJECT_OFFERS = """
INSERT INTO catalogue_offers AS held (offer_id, version, product_codes, fact_id, epoch, sequence, data)
SELECT offer_id, version, coalesce(string_to_array(codes, E'\\x1f'), '{}'), fact_id, epoch::int, sequence::bigint,
       convert_to(data, 'UTF8')
FROM unnest(
    string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'),
    string_to_array($4, E'\\x1e'), string_to_array($5, E'\\x1e'), string_to_array($6, E'\\x1e'),
    string_to_array($7, E'\\x1e'))
    AS fact (offer_id, version, codes, fact_id, epoch, sequence, data)
ON CONFLICT (offer_id, version) DO UPDATE
SET product_codes = excluded.product_codes, fact_id = excluded.fact_id,
    epoch = excluded.epoch, sequence = excluded.sequence, data = excluded.data
WHERE (excluded.epoch, excluded.sequence) > (held.epoch, held.sequence)
"""

# The same for prices.
PROJECT_PRICES = """
INSERT INTO catalogue_prices AS held
    (subject, offer_id, offer_version, partner, country, currency, valid_from, valid_until,
     fact_id, epoch, sequence, data)
SELECT subject, offer_id, offer_version, coalesce(partner, ''), coalesce(country, ''), currency,
       coalesce(valid_from::timestamptz, '-infinity'), coalesce(valid_until::timestamptz, 'infinity'),
       fact_id, epoch::int, sequence::bigint, convert_to(data, 'UTF8')
FROM unnest(
    string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'),
    string_to_array($4, E'\\x1e'), string_to_array($5, E'\\x1e'), string_to_array($6, E'\\x1e'),
    string_to_array($7, E'\\x1e', ''), string_to_array($8, E'\\x1e', ''), string_to_array($9, E'\\x1e'),
    string_to_array($10, E'\\x1e'), string_to_array($11, E'\\x1e'), string_to_array($12, E'\\x1e'))
    AS fact
       (subject, offer_id, offer_version, partner, country, currency, valid_from, valid_until,
        fact_id, epoch, sequence, data)
ON CONFLICT (subject) DO UPDATE
SET partner = excluded.partner, country = excluded.country, currency = excluded.currency,
    valid_from = excluded.valid_from, valid_until = excluded.valid_until,
    fact_id = excluded.fact_id, epoch = excluded.epoch, sequence = excluded.sequence, data = excluded.data
WHERE (excluded.epoch, excluded.sequence) > (held.epoch, held.sequence)
"""

# The same for availability.
PROJECT_AVAILABILITY = """
INSERT INTO catalogue_availability AS held (subject, product_code, valid_until, fact_id, epoch, sequence, data)
SELECT subject, product_code, coalesce(valid_until::timestamptz, 'infinity'), fact_id, epoch::int, sequence::bigint,
       convert_to(data, 'UTF8')
FROM unnest(
    string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e', ''),
    string_to_array($4, E'\\x1e'), string_to_array($5, E'\\x1e'), string_to_array($6, E'\\x1e'),
    string_to_array($7, E'\\x1e'))
    AS fact (subject, product_code, valid_until, fact_id, epoch, sequence, data)
ON CONFLICT (subject) DO UPDATE
SET valid_until = excluded.valid_until,
    fact_id = excluded.fact_id, epoch = excluded.epoch, sequence = excluded.sequence, data = excluded.data
WHERE (excluded.epoch, excluded.sequence) > (held.epoch, held.sequence)
"""

# The same for policies.
PROJECT_POLICIES = """
INSERT INTO catalogue_policies AS held (subject, fact_id, epoch, sequence, data)
SELECT subject, fact_id, epoch::int, sequence::bigint, convert_to(data, 'UTF8')
FROM unnest(
    string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'),
    string_to_array($4, E'\\x1e'), string_to_array($5, E'\\x1e'))
    AS fact (subject, fact_id, epoch, sequence, data)
ON CONFLICT (subject) DO UPDATE
SET fact_id = excluded.fact_id, epoch = excluded.epoch, sequence = excluded.sequence, data = excluded.data
WHERE (excluded.epoch, excluded.sequence) > (held.epoch, held.sequence)
"""

# Notifies all processes of the touched offers when the transaction commits.
NOTIFY = "SELECT pg_notify($1, $2)"

READ_CATALOGUE = Path(__file__).with_name("read_catalogue.sql").read_text(encoding="utf-8")
