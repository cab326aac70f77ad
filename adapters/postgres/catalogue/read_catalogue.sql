-- Reads the entries that $1 (offers), $2 (products) and $3 (subjects of policies) name. Of the entries that the caller
-- has cached as of position $6, named by $7 (offers), $8 (products) and $9 (policies), it reads those again that facts
-- after that position touched. All facts come as the inside of one JSON array: of an offer all versions, its prices of
-- the period from $4 to $5, and the availability of its products that has not ended at $4. Prices for one organisation
-- come only for the organisations that $10 names (null: for each).
--
-- It also returns the last position, the kinds and names of all that was touched, and whether all cached entries were
-- read again: because $6 is null, because more than 1,000 facts were recorded since (1001 and 1000 below), or because $6
-- lies ahead of the table, which was then restored. Last come the offers with prices for other organisations. The
-- statement sees one moment.
--
-- Prices: those that hold or end in the period; those that hold when one of these ends; and where no price holds for
-- the whole period, the last that ended before it and the next that begins after it. A price for one partner, country
-- or currency never replaces one for another: the reader chooses. Withdrawn prices, availability and policies have odd
-- epochs and are left out; a withdrawn offer stays known as withdrawn.
--
-- The planner knows neither how many offers are asked for nor, soon after a load, how many prices there are.
-- MATERIALIZED, OFFSET 0 and NOT IN leave it only the plan that stays fast. CASE avoids splitting names when nothing
-- was touched.
WITH newest AS MATERIALIZED (
    SELECT kind, subject FROM catalogue_facts WHERE position > $6::bigint ORDER BY position LIMIT 1001
), moment AS MATERIALIZED (
    SELECT (SELECT coalesce(max(position), 0) FROM catalogue_facts) AS position, count(*) AS changes FROM newest
), extent AS MATERIALIZED (
    SELECT position, changes > 0 AS any_recorded,
           $6::bigint IS NULL OR changes > 1000 OR position < $6::bigint AS is_full
      FROM moment
), touched AS MATERIALIZED (
    SELECT DISTINCT CASE kind WHEN 'price' THEN 'offer' ELSE kind END AS kind,
           CASE kind
               WHEN 'policy' THEN subject
               ELSE replace(replace(replace(split_part(subject, '/', 2), '%2F', '/'), '%2A', '*'), '%25', '%')
           END AS name
      FROM newest
), reread (kind, name) AS MATERIALIZED (
    SELECT known.kind, known.name
      FROM extent, LATERAL (
               SELECT 'offer', unnest(CASE WHEN is_full OR any_recorded THEN string_to_array($7, E'\x1e') END)
                UNION ALL
               SELECT 'availability', unnest(CASE WHEN is_full OR any_recorded THEN string_to_array($8, E'\x1e') END)
                UNION ALL
               SELECT 'policy', unnest(CASE WHEN is_full OR any_recorded THEN string_to_array($9, E'\x1e') END)
           ) AS known (kind, name)
     WHERE is_full OR (known.kind, known.name) IN (SELECT kind, name FROM touched)
), wanted (id) AS MATERIALIZED (
    SELECT unnest(string_to_array($1, E'\x1e'))
    UNION
    SELECT name FROM reread WHERE kind = 'offer'
), offers AS MATERIALIZED (
    SELECT offer.* FROM wanted, LATERAL (
        SELECT data, product_codes FROM catalogue_offers WHERE offer_id = wanted.id OFFSET 0) AS offer
), codes (code) AS (
    SELECT unnest(string_to_array($2, E'\x1e'))
    UNION
    SELECT unnest(product_codes) FROM offers
    UNION
    SELECT name FROM reread WHERE kind = 'availability'
), prices AS MATERIALIZED (
    SELECT price.*, partner = '' OR $10::text IS NULL OR partner = ANY (string_to_array($10, E'\x1e')) AS is_asked
    FROM wanted, LATERAL (
        SELECT offer_id, offer_version, partner, country, currency, valid_from, valid_until, sequence, data
        FROM catalogue_prices WHERE offer_id = wanted.id AND epoch % 2 = 0 OFFSET 0) AS price
), near AS MATERIALIZED (
    SELECT * FROM prices
    WHERE is_asked AND valid_until > $4::timestamptz
      AND (valid_from <= $5::timestamptz OR valid_until <= $5::timestamptz)
), lasting AS MATERIALIZED (
    SELECT offer_id, offer_version, partner, country, currency FROM near
    WHERE valid_from <= $4::timestamptz AND valid_until > $5::timestamptz
), facts AS (
    SELECT data FROM offers
    UNION ALL
    SELECT data FROM near
    UNION ALL
    SELECT following.data FROM (
        SELECT DISTINCT offer_id, offer_version, valid_until FROM near WHERE valid_until < 'infinity') AS ending, LATERAL (
        SELECT data FROM catalogue_prices
        WHERE offer_id = ending.offer_id AND offer_version = ending.offer_version
          AND valid_from > $5::timestamptz AND valid_from <= ending.valid_until AND valid_until > ending.valid_until
          AND (partner = '' OR $10::text IS NULL OR partner = ANY (string_to_array($10, E'\x1e')))
          AND epoch % 2 = 0
        OFFSET 0) AS following
    UNION ALL
    (SELECT DISTINCT ON (offer_id, offer_version, partner, country, currency) data FROM prices
    WHERE is_asked AND valid_until <= $4::timestamptz
      AND (offer_id, offer_version, partner, country, currency) NOT IN (SELECT * FROM lasting)
    ORDER BY offer_id, offer_version, partner, country, currency, valid_until DESC, sequence DESC, valid_from DESC)
    UNION ALL
    (SELECT DISTINCT ON (offer_id, offer_version, partner, country, currency) data FROM prices
    WHERE is_asked AND valid_from > $5::timestamptz
      AND (offer_id, offer_version, partner, country, currency) NOT IN (SELECT * FROM lasting)
    ORDER BY offer_id, offer_version, partner, country, currency, valid_from)
    UNION ALL
    SELECT availability.data FROM codes, LATERAL (
        SELECT data FROM catalogue_availability
        WHERE product_code = codes.code AND valid_until > $4::timestamptz AND epoch % 2 = 0 OFFSET 0) AS availability
    UNION ALL
    SELECT data FROM catalogue_policies
     WHERE subject = ANY (string_to_array($3, E'\x1e') || ARRAY(SELECT name FROM reread WHERE kind = 'policy'))
       AND epoch % 2 = 0
)
SELECT extent.position, extent.is_full,
       (SELECT array_agg(kind) FROM touched), (SELECT array_agg(name) FROM touched),
       (SELECT string_agg(data, ','::bytea) FROM facts),
       (SELECT array_agg(DISTINCT offer_id) FROM prices WHERE NOT is_asked)
  FROM extent
