"""The statements of a rebuild of the catalogue's projections. Without a schema, a table is the one that is built;
`public.` names the live one."""

from __future__ import annotations

# The last committed fact's position. (Facts are recorded one transaction after the other.)
POSITION = "SELECT coalesce(max(position), 0) FROM catalogue_facts"

# The next facts after a position.
READ = """
SELECT position, data FROM catalogue_facts WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3
"""

# Compares the live rows with the built ones: each kind with its count and the first $1 rows. A newer live row is no
# fault: facts go on arriving.
COMPARE = """
WITH pair AS (
    SELECT 'offer/' || offer_id || '/' || version AS subject, held.sequence AS live, made.sequence AS rebuilt,
           (held.epoch, held.sequence) < (made.epoch, made.sequence) AS stale,
           (held.epoch, held.sequence) > (made.epoch, made.sequence) AS ahead,
           ROW(held.*) IS DISTINCT FROM ROW(made.*) AS differs
      FROM catalogue_offers made FULL JOIN public.catalogue_offers held USING (offer_id, version)
     UNION ALL
    SELECT subject, held.sequence, made.sequence,
           (held.epoch, held.sequence) < (made.epoch, made.sequence),
           (held.epoch, held.sequence) > (made.epoch, made.sequence),
           ROW(held.*) IS DISTINCT FROM ROW(made.*)
      FROM catalogue_prices made FULL JOIN public.catalogue_prices held USING (subject)
     UNION ALL
    SELECT subject, held.sequence, made.sequence,
           (held.epoch, held.sequence) < (made.epoch, made.sequence),
           (held.epoch, held.sequence) > (made.epoch, made.sequence),
           ROW(held.*) IS DISTINCT FROM ROW(made.*)
      FROM catalogue_availability made FULL JOIN public.catalogue_availability held USING (subject)
     UNION ALL
    SELECT subject, held.sequence, made.sequence,
           (held.epoch, held.sequence) < (made.epoch, made.sequence),
           (held.epoch, held.sequence) > (made.epoch, made.sequence),
           ROW(held.*) IS DISTINCT FROM ROW(made.*)
      FROM catalogue_policies made FULL JOIN public.catalogue_policies held USING (subject)
), judged AS (
    SELECT subject, live, rebuilt,
           CASE WHEN NOT differs THEN 'same'
                WHEN live IS NULL THEN 'missing'
                WHEN rebuilt IS NULL THEN 'surplus'
                WHEN stale THEN 'stale'
                WHEN ahead THEN 'live_ahead'
                ELSE 'differs'
           END AS kind
      FROM pair)
SELECT kind, count(*), (array_agg(subject ORDER BY subject))[1:$1],
       (array_agg(live ORDER BY subject))[1:$1], (array_agg(rebuilt ORDER BY subject))[1:$1]
  FROM judged GROUP BY kind
"""
