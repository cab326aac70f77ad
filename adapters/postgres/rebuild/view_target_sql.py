"""The statements of a rebuild of the basket views. Where they say `basket_views` and `open_basket_uses`, they mean
the tables that are built; the live ones they call by their schema."""

from __future__ import annotations

READER_SETTINGS = {
    # Streams lie in the order of the index on (stream_id, version); every other way reads all events for a page.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashagg": "off",
    "enable_sort": "off",
    # Plans by what is asked: a range is a part of the table, whichever part it is.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}

# The position of the newest event.
POSITION = "SELECT coalesce(max(position), 0) FROM events"

# Ids at which the streams are cut into parts of about equally many events, by a look at $2 percent of them.
CUTS = """
SELECT percentile_disc($1::float8[]) WITHIN GROUP (ORDER BY stream_id COLLATE "C")
  FROM events TABLESAMPLE SYSTEM ($2)
"""

# The next streams of a range, whole. A verdict's document is cut off behind its findings, at `],"evidence":[`: what
# it rests on is most of what is stored, and nothing of it comes into a view. (Inside a finding an object stands
# before its evidence, and in a text there is no bare quotation mark. Of a verdict without it a brace is left: no
# document, so that the whole is read.)
READ_RANGE = """
SELECT stream_id, string_agg(document, ',' ORDER BY version), count(*)
  FROM (SELECT stream_id, version,
               CASE WHEN type = $4
                    THEN substring(data FOR position('\\x5d2c2265766964656e6365223a5b'::bytea IN data))
                         || '\\x7d'::bytea
                    ELSE data
               END AS document
          FROM events
         WHERE stream_id > $1 AND stream_id <= $2) AS event
 GROUP BY stream_id
 ORDER BY stream_id
 LIMIT $3
"""

# These streams, in the same way.
READ_STREAMS = """
SELECT asked.stream_id, stream.documents, stream.events
  FROM unnest($1::text[]) AS asked (stream_id),
       LATERAL (
       SELECT string_agg(document, ',' ORDER BY version) AS documents, count(*) AS events
         FROM (SELECT version,
                      CASE WHEN type = $2
                           THEN substring(data FOR position('\\x5d2c2265766964656e6365223a5b'::bytea IN data))
                                || '\\x7d'::bytea
                           ELSE data
                      END AS document
                 FROM events
                WHERE events.stream_id = asked.stream_id) AS event
       OFFSET 0) AS stream
 WHERE stream.events > 0
"""

# These streams from their built views on: the snapshot, and the documents after it.
READ_ON = """
SELECT asked.stream_id, view.snapshot,
       (SELECT string_agg(event.data, ',' ORDER BY event.version) FROM events event
         WHERE event.stream_id = asked.stream_id AND event.version > coalesce(view.version, 0))
  FROM unnest($1::text[]) AS asked (stream_id)
  LEFT JOIN LATERAL (
       SELECT version, snapshot FROM basket_views WHERE basket_id = asked.stream_id OFFSET 0) view ON true
"""

# One stream with every document whole.
READ_WHOLE = "SELECT version, data FROM events WHERE stream_id = $1 ORDER BY version"

# The streams of the events between two positions. (To ask for each once would make the planner walk through all
# streams in their order.)
TOUCHED = "SELECT stream_id FROM events WHERE position > $1 AND position <= $2 ORDER BY position"

# Takes the built rows of baskets ($1) away that are older than what comes in their place ($2).
MAKE_ROOM = """
DELETE FROM basket_views held USING unnest($1::text[], $2::int[]) AS made (basket_id, version)
 WHERE held.basket_id = made.basket_id AND held.version < made.version
"""

# And what these were found by. (Named one by one: of a list that it does not know, the planner thinks it is long.)
MAKE_ROOM_OF_USES = "DELETE FROM open_basket_uses WHERE basket_id = ANY($1::text[])"

# The built versions of some baskets.
VERSIONS = "SELECT basket_id, version FROM basket_views WHERE basket_id = ANY($1::text[])"

# The streams whose built views are not at the store's version.
NOT_AT_THE_STORES_VERSION = """
SELECT stream_id
  FROM (SELECT stream_id, max(version) AS version FROM events GROUP BY stream_id) AS stored
  LEFT JOIN basket_views ON basket_id = stream_id
 WHERE basket_views.version IS DISTINCT FROM stored.version
"""

# How the live rows of a range compare with the built ones: each kind with its number and the first $4. $3: only
# these baskets of the range; null: all.
COMPARE = """
WITH made AS (
    SELECT * FROM basket_views WHERE basket_id > $1 AND basket_id <= $2
), held AS (
    SELECT * FROM public.basket_views
     WHERE basket_id > $1 AND basket_id <= $2 AND ($3::text[] IS NULL OR basket_id = ANY($3))
), made_uses AS (
    SELECT basket_id, array_agg(name ORDER BY name) AS names FROM open_basket_uses
     WHERE basket_id > $1 AND basket_id <= $2 GROUP BY basket_id
), held_uses AS (
    SELECT basket_id, array_agg(name ORDER BY name) AS names FROM public.open_basket_uses
     WHERE basket_id > $1 AND basket_id <= $2 AND ($3::text[] IS NULL OR basket_id = ANY($3))
     GROUP BY basket_id
), pair AS (
    SELECT basket_id, held.version AS live, made.version AS rebuilt,
           CASE
               WHEN held.version IS NULL THEN
                   CASE WHEN made.modified < clock_timestamp() - interval '1 minute' THEN 'missing'
                        ELSE 'live_behind' END
               WHEN made.version IS NULL THEN
                   CASE WHEN EXISTS (SELECT FROM events WHERE stream_id = basket_id) THEN 'live_ahead'
                        ELSE 'surplus' END
               WHEN held.version < made.version THEN
                   CASE WHEN made.modified < clock_timestamp() - interval '1 minute' THEN 'stale'
                        ELSE 'live_behind' END
               WHEN held.version > made.version THEN
                   CASE WHEN EXISTS (SELECT FROM events
                                      WHERE stream_id = basket_id AND events.version = held.version)
                        THEN 'live_ahead' ELSE 'differs' END
               WHEN ROW(held.*) IS DISTINCT FROM ROW(made.*)
                    OR made_uses.names IS DISTINCT FROM held_uses.names THEN 'differs'
               ELSE 'same'
           END AS kind
      FROM made
      FULL JOIN held USING (basket_id)
      LEFT JOIN made_uses USING (basket_id)
      LEFT JOIN held_uses USING (basket_id))
SELECT kind, count(*), (array_agg(basket_id ORDER BY basket_id))[1:$4],
       (array_agg(live ORDER BY basket_id))[1:$4], (array_agg(rebuilt ORDER BY basket_id))[1:$4]
  FROM pair GROUP BY kind
"""

# Takes a live row away that a staged one is to take the place of: one that is not newer, or that is at a version
# which the store does not have, or about a basket that does not have any. The statement sees one moment.
TAKE_AWAY = """
DELETE FROM public.basket_views held
 WHERE basket_id = $1
   AND CASE WHEN version <= (SELECT made.version FROM basket_views made WHERE made.basket_id = $1) THEN true
            ELSE NOT EXISTS (SELECT FROM events WHERE stream_id = $1 AND events.version = held.version)
       END
"""

# And what the basket was found by, where it has no view now.
TAKE_USES_AWAY = """
DELETE FROM public.open_basket_uses
 WHERE basket_id = $1 AND NOT EXISTS (SELECT FROM public.basket_views WHERE basket_id = $1)
"""

# And puts a staged row in where there is none, with what the basket is found by.
PUT_IN = """
WITH put AS (
    INSERT INTO public.basket_views SELECT * FROM basket_views WHERE basket_id = $1
    ON CONFLICT DO NOTHING
    RETURNING basket_id)
INSERT INTO public.open_basket_uses
SELECT made.* FROM open_basket_uses made JOIN put USING (basket_id)
ON CONFLICT DO NOTHING
"""

# The baskets of an organisation, by what was said when they were begun, and by their views.
OF_PARTNER = """
SELECT stream_id FROM events
 WHERE version = 1 AND convert_from(data, 'UTF8')::jsonb ->> 'partner' = $1
 UNION
SELECT basket_id FROM public.basket_views WHERE partner = $1
"""

# The first event at or after a position, and when it was recorded.
RECORDED = "SELECT position, recorded_at FROM events WHERE position >= $1 ORDER BY position LIMIT 1"
