"""Every statement on the catalogue's tables. Arrays go in, so that a batch is one round trip."""

from __future__ import annotations

CHANNEL = "checkout_catalogue"
"""Notified once a batch: a JSON array of the offer ids that were touched, or `EVERYTHING`."""

EVERYTHING = "*"

SEPARATOR = "\x1e"
"""Between the values of a column (x1e in the statements): columns go in as text, which the driver encodes many
times faster than arrays. No identifier holds it, and JSON writes it in other words."""

CODE_SEPARATOR = "\x1f"
"""Between the product codes of an offer (x1f in `PROJECT_OFFERS`)."""

# Records facts whose id is new, in the order of their ids (two writers then never wait for each other in
# a circle), and says which those were.
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

# What is recorded under ids that were not new.
RECORDED_FACTS = "SELECT fact_id, data FROM catalogue_facts WHERE fact_id = ANY($1::text[])"

# Which of these facts are recorded, counted. What was withdrawn since, and not said again, does not count; what was
# said again has its epoch behind its id.
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

# Which subjects were ever withdrawn, in which epochs and by which messages.
WITHDRAWALS = """
SELECT subject, epoch, topic, partition, kafka_offset FROM catalogue_facts
 WHERE epoch % 2 = 1 AND subject = ANY (string_to_array($1, E'\\x1e'))
"""

# The newest fact of each subject whose facts' ids lie between one of $1 and its neighbour in $2.
NEWEST = """
SELECT DISTINCT ON (fact.subject) fact.subject, fact.data
  FROM unnest($1::text[], $2::text[]) AS wanted (beginning, ending),
       LATERAL (SELECT subject, epoch, sequence, data FROM catalogue_facts
                 WHERE fact_id >= wanted.beginning AND fact_id < wanted.ending
                OFFSET 0) AS fact
 ORDER BY fact.subject, fact.epoch DESC, fact.sequence DESC
"""

# All facts about some subjects, which lie between one of $1 and its neighbour in $2.
EVER_SAID = """
SELECT fact.data FROM unnest($1::text[], $2::text[]) AS wanted (beginning, ending), catalogue_facts fact
 WHERE fact.fact_id >= wanted.beginning AND fact.fact_id < wanted.ending
"""

# Remembers under which keys the newest facts were said last.
REMEMBER_KEYS = """
INSERT INTO catalogue_keys AS held (subject, kind, message_key, epoch, sequence)
SELECT subject, kind, message_key, epoch, sequence
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::int[], $5::bigint[])
       AS said (subject, kind, message_key, epoch, sequence)
ON CONFLICT (subject) DO UPDATE
SET message_key = excluded.message_key, epoch = excluded.epoch, sequence = excluded.sequence
WHERE (excluded.epoch, excluded.sequence) >= (held.epoch, held.sequence)
"""

# Forgets the keys of facts that were said last under their names.
FORGET_KEYS = """
DELETE FROM catalogue_keys held
 USING unnest(string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'))
       AS said (subject, epoch, sequence)
 WHERE held.subject = said.subject
   AND (held.epoch, held.sequence) <= (said.epoch::int, said.sequence::bigint)
"""

# What was said last under some keys, by facts of some kinds.
SAID_UNDER = """
SELECT DISTINCT held.message_key, held.kind, held.subject, held.epoch, held.sequence
  FROM unnest($1::bytea[], $2::text[]) AS wanted (message_key, kind)
  JOIN catalogue_keys held USING (message_key, kind)
"""

# Up to where the partitions were learned that some messages lie in.
READ_MARKS = """
SELECT topic, partition, kafka_offset, said_at FROM catalogue_sources
 WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))
"""

WRITE_MARKS = """
INSERT INTO catalogue_sources (topic, partition, kafka_offset, said_at)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (topic, partition) DO UPDATE SET kafka_offset = excluded.kafka_offset, said_at = excluded.said_at
"""

# One transaction at a time learns. (The table's trigger takes the same lock; here it is taken before the first look.)
# Statements that were planned while the tables were empty, and are kept, must not read them as a whole later.
LEARN_ALONE = "SELECT pg_advisory_xact_lock(7208041003), set_config('enable_seqscan', 'off', true)"

# Moves offer versions to newer facts; an older one, however late it comes, overwrites nothing.
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
    (subject, offer_id, offer_version, country, currency, valid_from, valid_until, fact_id, epoch, sequence, data)
SELECT subject, offer_id, offer_version, coalesce(country, ''), currency,
       coalesce(valid_from::timestamptz, '-infinity'), coalesce(valid_until::timestamptz, 'infinity'),
       fact_id, epoch::int, sequence::bigint, convert_to(data, 'UTF8')
FROM unnest(
    string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'),
    string_to_array($4, E'\\x1e'), string_to_array($5, E'\\x1e'), string_to_array($6, E'\\x1e', ''),
    string_to_array($7, E'\\x1e', ''), string_to_array($8, E'\\x1e'), string_to_array($9, E'\\x1e'),
    string_to_array($10, E'\\x1e'), string_to_array($11, E'\\x1e'))
    AS fact
       (subject, offer_id, offer_version, country, currency, valid_from, valid_until, fact_id, epoch, sequence, data)
ON CONFLICT (subject) DO UPDATE
SET country = excluded.country, currency = excluded.currency,
    valid_from = excluded.valid_from, valid_until = excluded.valid_until,
    fact_id = excluded.fact_id, epoch = excluded.epoch, sequence = excluded.sequence, data = excluded.data
WHERE (excluded.epoch, excluded.sequence) > (held.epoch, held.sequence)
"""

# The same for availability.
PROJECT_AVAILABILITY = """
INSERT INTO catalogue_availability AS held (subject, product_code, fact_id, epoch, sequence, data)
SELECT subject, product_code, fact_id, epoch::int, sequence::bigint, convert_to(data, 'UTF8')
FROM unnest(
    string_to_array($1, E'\\x1e'), string_to_array($2, E'\\x1e'), string_to_array($3, E'\\x1e'),
    string_to_array($4, E'\\x1e'), string_to_array($5, E'\\x1e'), string_to_array($6, E'\\x1e'))
    AS fact (subject, product_code, fact_id, epoch, sequence, data)
ON CONFLICT (subject) DO UPDATE
SET fact_id = excluded.fact_id, epoch = excluded.epoch, sequence = excluded.sequence, data = excluded.data
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

# Tells every process, when the batch commits, which offers it touched.
NOTIFY = "SELECT pg_notify($1, $2)"

MOST_CHANGES = 1_000
"""Where more was learned since, all is read anew (a thousand and one in `CATALOGUE`)."""

# All that $1 (offers), $2 (products) and $3 (policies' subjects) name, and what of $7, $8 and $9, which the caller
# knows as of position $6, was touched by the facts after that position: as one JSON array's inside. Of offers all
# versions, those of their prices that can be looked at from $4 to $5, and the availability of the products that
# they are made of. With it go the last position, whether all was read anew ($6 is null, or more was learned since
# than is worth looking at, or the position is of another history), and the names of all that was touched. The
# statement sees one moment.
#
# Prices: those that hold or end in that time; those that hold when one of them ends; and where none holds all
# that time, the one that ended last before it and the one that begins next. A price for another country or
# currency stands in for none: who looks decides between them. Withdrawn prices, availability and policies (their
# epochs are odd) are not known any more; a withdrawn offer is known as withdrawn.
#
# The planner knows neither how many offers are asked for nor, soon after a load, how many prices there are, and
# planned for ten of a few. MATERIALIZED, OFFSET 0 and NOT IN leave it one way each: the one that stays fast. CASE
# keeps it from taking names apart where nothing was learned.
CATALOGUE = """
WITH newest AS MATERIALIZED (
    SELECT kind, subject FROM catalogue_facts WHERE position > $6::bigint ORDER BY position LIMIT 1001
), moment AS MATERIALIZED (
    SELECT (SELECT coalesce(max(position), 0) FROM catalogue_facts) AS position, count(*) AS learned FROM newest
), extent AS MATERIALIZED (
    SELECT position, learned > 0 AS any_learned,
           $6::bigint IS NULL OR learned > 1000 OR position < $6::bigint AS anew
      FROM moment
), touched AS MATERIALIZED (
    SELECT DISTINCT CASE kind WHEN 'price' THEN 'offer' ELSE kind END AS kind,
           CASE kind
               WHEN 'policy' THEN subject
               ELSE replace(replace(replace(split_part(subject, '/', 2), '%2F', '/'), '%2A', '*'), '%25', '%')
           END AS name
      FROM newest
), again (kind, name) AS MATERIALIZED (
    SELECT known.kind, known.name
      FROM extent, LATERAL (
               SELECT 'offer', unnest(CASE WHEN anew OR any_learned THEN string_to_array($7, E'\\x1e') END)
                UNION ALL
               SELECT 'availability', unnest(CASE WHEN anew OR any_learned THEN string_to_array($8, E'\\x1e') END)
                UNION ALL
               SELECT 'policy', unnest(CASE WHEN anew OR any_learned THEN string_to_array($9, E'\\x1e') END)
           ) AS known (kind, name)
     WHERE anew OR (known.kind, known.name) IN (SELECT kind, name FROM touched)
), wanted (id) AS MATERIALIZED (
    SELECT unnest(string_to_array($1, E'\\x1e'))
    UNION
    SELECT name FROM again WHERE kind = 'offer'
), offers AS MATERIALIZED (
    SELECT offer.* FROM wanted, LATERAL (
        SELECT data, product_codes FROM catalogue_offers WHERE offer_id = wanted.id OFFSET 0) AS offer
), codes (code) AS (
    SELECT unnest(string_to_array($2, E'\\x1e'))
    UNION
    SELECT unnest(product_codes) FROM offers
    UNION
    SELECT name FROM again WHERE kind = 'availability'
), prices AS MATERIALIZED (
    SELECT price.* FROM wanted, LATERAL (
        SELECT offer_id, offer_version, country, currency, valid_from, valid_until, sequence, data
        FROM catalogue_prices WHERE offer_id = wanted.id AND epoch % 2 = 0 OFFSET 0) AS price
), near AS MATERIALIZED (
    SELECT * FROM prices
    WHERE valid_until > $4::timestamptz
      AND (valid_from <= $5::timestamptz OR valid_until <= $5::timestamptz)
), lasting AS MATERIALIZED (
    SELECT offer_id, offer_version, country, currency FROM near
    WHERE valid_from <= $4::timestamptz AND valid_until > $5::timestamptz
), facts AS (
    SELECT data FROM offers
    UNION ALL
    SELECT data FROM near
    UNION ALL
    SELECT following.data FROM near, LATERAL (
        SELECT data FROM catalogue_prices
        WHERE offer_id = near.offer_id AND offer_version = near.offer_version
          AND valid_from > $5::timestamptz AND valid_from <= near.valid_until AND valid_until > near.valid_until
          AND epoch % 2 = 0
        OFFSET 0) AS following
    UNION ALL
    (SELECT DISTINCT ON (offer_id, offer_version, country, currency) data FROM prices
    WHERE valid_until <= $4::timestamptz
      AND (offer_id, offer_version, country, currency) NOT IN (SELECT * FROM lasting)
    ORDER BY offer_id, offer_version, country, currency, valid_until DESC, sequence DESC, valid_from DESC)
    UNION ALL
    (SELECT DISTINCT ON (offer_id, offer_version, country, currency) data FROM prices
    WHERE valid_from > $5::timestamptz
      AND (offer_id, offer_version, country, currency) NOT IN (SELECT * FROM lasting)
    ORDER BY offer_id, offer_version, country, currency, valid_from)
    UNION ALL
    SELECT availability.data FROM codes, LATERAL (
        SELECT data FROM catalogue_availability WHERE product_code = codes.code AND epoch % 2 = 0 OFFSET 0) AS availability
    UNION ALL
    SELECT data FROM catalogue_policies
     WHERE subject = ANY (string_to_array($3, E'\\x1e') || ARRAY(SELECT name FROM again WHERE kind = 'policy'))
       AND epoch % 2 = 0
)
SELECT extent.position, extent.anew,
       (SELECT array_agg(kind) FROM touched), (SELECT array_agg(name) FROM touched),
       (SELECT string_agg(data, ','::bytea) FROM facts)
  FROM extent
"""
