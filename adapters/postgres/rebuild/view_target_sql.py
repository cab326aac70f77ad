"""The statements of a rebuild of the basket views. Without a schema, `basket_views` and `open_basket_uses` are the
tables that are built; `public.` names the live ones."""

from __future__ import annotations

READER_SETTINGS = {
    # Read streams along the index on (stream_id, version); every other plan reads all events for a page.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashagg": "off",
    "enable_sort": "off",
    # Plan for the given range, not for any range.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}

# The last position.
POSITION = "SELECT coalesce(max(position), 0) FROM events"

# Ids that cut the streams into ranges of about equally many events, by a sample of $2 percent of the table.
CUTS = """
SELECT percentile_disc($1::float8[]) WITHIN GROUP (ORDER BY stream_id COLLATE "C")
  FROM events TABLESAMPLE SYSTEM ($2)
"""

# The next streams of a range, whole. A verdict's document is cut off behind its findings, at `],"evidence":[`: the
# evidence is most of what is stored, and no view needs it. (Inside a finding an object stands before its evidence,
# and JSON escapes quotation marks in texts. A verdict without evidence becomes a single brace: no document, so that
# the stream is read whole.)
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

# The same of given streams.
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

# The built views' snapshots of given streams, and the documents after them.
READ_ON = """
SELECT asked.stream_id, view.snapshot,
       (SELECT string_agg(event.data, ',' ORDER BY event.version) FROM events event
         WHERE event.stream_id = asked.stream_id AND event.version > coalesce(view.version, 0))
  FROM unnest($1::text[]) AS asked (stream_id)
  LEFT JOIN LATERAL (
       SELECT version, snapshot FROM basket_views WHERE basket_id = asked.stream_id OFFSET 0) view ON true
"""

# One stream, with whole documents.
READ_WHOLE = "SELECT version, data FROM events WHERE stream_id = $1 ORDER BY version"

# The streams of the events between two positions. (With DISTINCT the planner would walk through all streams.)
TOUCHED = "SELECT stream_id FROM events WHERE position > $1 AND position <= $2 ORDER BY position"

# The baskets that came back from the archive and have no built view. (Their events have their old positions.)
BROUGHT_BACK = """
SELECT basket_id FROM archived_baskets held
 WHERE restored_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM basket_views built WHERE built.basket_id = held.basket_id)
"""

# Deletes built rows of baskets ($1) that are older than the versions that replace them ($2).
DELETE_OLDER = """
DELETE FROM basket_views built USING unnest($1::text[], $2::int[]) AS newer (basket_id, version)
 WHERE built.basket_id = newer.basket_id AND built.version < newer.version
"""

# Deletes the names that baskets use. (Given as an array: the planner takes the result of a query for a long list.)
DELETE_USES = "DELETE FROM open_basket_uses WHERE basket_id = ANY($1::text[])"

# The versions of some built views.
VERSIONS = "SELECT basket_id, version FROM basket_views WHERE basket_id = ANY($1::text[])"

# The streams whose built views are not at the store's version.
OUTDATED = """
SELECT stream_id
  FROM (SELECT stream_id, max(version) AS version FROM events GROUP BY stream_id) AS stored
  LEFT JOIN basket_views ON basket_id = stream_id
 WHERE basket_views.version IS DISTINCT FROM stored.version
"""

# Compares the live rows of a range with the built ones, byte by byte: how many are identical, and the ids of the others.
COMPARE = """
WITH built AS (
    SELECT * FROM basket_views WHERE basket_id > $1 AND basket_id <= $2
), live AS (
    SELECT * FROM public.basket_views WHERE basket_id > $1 AND basket_id <= $2
), built_uses AS (
    SELECT basket_id, array_agg(name ORDER BY name) AS names FROM open_basket_uses
     WHERE basket_id > $1 AND basket_id <= $2 GROUP BY basket_id
), live_uses AS (
    SELECT basket_id, array_agg(name ORDER BY name) AS names FROM public.open_basket_uses
     WHERE basket_id > $1 AND basket_id <= $2 GROUP BY basket_id
), pair AS (
    SELECT basket_id,
           ROW(live.*) IS NOT DISTINCT FROM ROW(built.*)
           AND live_uses.names IS NOT DISTINCT FROM built_uses.names AS identical
      FROM built
      FULL JOIN live USING (basket_id)
      LEFT JOIN built_uses USING (basket_id)
      LEFT JOIN live_uses USING (basket_id))
SELECT count(*) FILTER (WHERE identical), array_agg(basket_id) FILTER (WHERE NOT identical) FROM pair
"""

# The live views of baskets, the names that these use, and the last versions of their streams. A projector should have
# written what happened until `settled_before`.
LIVE_VIEWS = """
SELECT asked.basket_id AS id, view.*,
       ARRAY(SELECT name FROM public.open_basket_uses used WHERE used.basket_id = asked.basket_id) AS uses,
       (SELECT coalesce(max(event.version), 0) FROM events event
         WHERE event.stream_id = asked.basket_id) AS stream_version,
       clock_timestamp() - interval '1 minute' AS settled_before
  FROM unnest($1::text[]) AS asked (basket_id)
  LEFT JOIN public.basket_views view ON view.basket_id = asked.basket_id
"""

# The built views of baskets, and the names that these use.
BUILT_VIEWS = """
SELECT view.*, ARRAY(SELECT name FROM open_basket_uses used WHERE used.basket_id = view.basket_id) AS uses
  FROM basket_views view
 WHERE view.basket_id = ANY($1::text[])
"""

# Those of some baskets that are in the archive.
ARCHIVED = """
SELECT basket_id, file, archived_at FROM archived_baskets WHERE basket_id = ANY($1::text[]) AND restored_at IS NULL
 ORDER BY basket_id
"""

# The baskets of an organisation, by their first events and by their views.
OF_PARTNER = """
SELECT stream_id FROM events
 WHERE version = 1 AND convert_from(data, 'UTF8')::jsonb ->> 'partner' = $1
 UNION
SELECT basket_id FROM public.basket_views WHERE partner = $1
"""

# The first event at or after a position.
RECORDED = "SELECT position, recorded_at FROM events WHERE position >= $1 ORDER BY position LIMIT 1"
