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
    SELECT 'offer/' || offer_id || '/' || version AS subject, live.epoch AS live_epoch, live.sequence AS live,
           built.epoch AS built_epoch, built.sequence AS built, ROW(live.*) IS DISTINCT FROM ROW(built.*) AS differs
      FROM catalogue_offers built FULL JOIN public.catalogue_offers live USING (offer_id, version)
     UNION ALL
    SELECT subject, live.epoch, live.sequence, built.epoch, built.sequence, ROW(live.*) IS DISTINCT FROM ROW(built.*)
      FROM catalogue_prices built FULL JOIN public.catalogue_prices live USING (subject)
     UNION ALL
    SELECT subject, live.epoch, live.sequence, built.epoch, built.sequence, ROW(live.*) IS DISTINCT FROM ROW(built.*)
      FROM catalogue_availability built FULL JOIN public.catalogue_availability live USING (subject)
     UNION ALL
    SELECT subject, live.epoch, live.sequence, built.epoch, built.sequence, ROW(live.*) IS DISTINCT FROM ROW(built.*)
      FROM catalogue_policies built FULL JOIN public.catalogue_policies live USING (subject)
), compared AS (
    SELECT subject, live, built,
           CASE WHEN NOT differs THEN 'same'
                WHEN live IS NULL THEN 'missing'
                WHEN built IS NULL THEN 'surplus'
                WHEN (live_epoch, live) < (built_epoch, built) THEN 'stale'
                WHEN (live_epoch, live) > (built_epoch, built) THEN 'live_ahead'
                ELSE 'differs'
           END AS kind
      FROM pair)
SELECT kind, count(*), (array_agg(subject ORDER BY subject))[1:$1],
       (array_agg(live ORDER BY subject))[1:$1], (array_agg(built ORDER BY subject))[1:$1]
  FROM compared GROUP BY kind
"""
