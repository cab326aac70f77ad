"""The statements on the records of rebuilds and of their ranges."""

from __future__ import annotations

# A rebuild that begins.
BEGIN = """
INSERT INTO rebuilds (id, target, scope, dry_run, state, actor, way, reason, workers, layout, caught_up, total)
VALUES ($1, $2, $3, $4, 'building', $5, $6, $7, $8, $9, $10, $11)
"""

# Its ranges, in the order of their keys.
BEGIN_RANGES = """
INSERT INTO rebuild_ranges (rebuild_id, number, reached, upto)
SELECT $1, number, after, upto FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS range (after, upto, number)
"""

# What is left of it.
RANGES_LEFT = """
SELECT number, reached, upto FROM rebuild_ranges WHERE rebuild_id = $1 AND NOT finished ORDER BY number
"""

# All its keys, for the comparison.
RANGES = "SELECT number, upto FROM rebuild_ranges WHERE rebuild_id = $1 ORDER BY number"

# Moves a range on, in the transaction that writes its rows; says nothing where another process was quicker, or
# the rebuild is another's by now.
REACH = """
UPDATE rebuild_ranges
   SET reached = $4, finished = $5, events = events + $6, rows = rows + $7, unfoldable = unfoldable || $8::jsonb
 WHERE rebuild_id = $1 AND number = $2 AND reached = $3 AND NOT finished
RETURNING number
"""

# The only range of one in place is so much further.
ADVANCE = "UPDATE rebuild_ranges SET events = events + $2, rows = rows + $3 WHERE rebuild_id = $1"

# How far all its ranges are.
PROGRESS = """
SELECT coalesce(sum(events), 0)::bigint AS events, coalesce(sum(rows), 0)::bigint AS rows
  FROM rebuild_ranges WHERE rebuild_id = $1
"""

# What cannot be folded.
UNFOLDABLE = """
SELECT sample FROM rebuild_ranges, jsonb_array_elements(unfoldable) AS sample
 WHERE rebuild_id = $1 ORDER BY number
"""

# Says that it is alive and how it fares; says whether it is asked to stop.
BEAT = """
UPDATE rebuilds SET beaten_at = clock_timestamp(), rate = $2, waiting_for = $3
 WHERE id = $1 RETURNING cancel_requested
"""

# Another state. One that is over says when.
TURN = """
UPDATE rebuilds
   SET state = $2, error = $3, beaten_at = clock_timestamp(), waiting_for = NULL,
       ended_at = CASE WHEN $2 IN ('building', 'comparing', 'switching') THEN NULL ELSE clock_timestamp() END
 WHERE id = $1
"""

# How the generations compare.
COMPARED = "UPDATE rebuilds SET comparison = $2 WHERE id = $1"

# What one that leads it must know of it.
STANDS = "SELECT layout, caught_up FROM rebuilds WHERE id = $1"

# Everything up to this position is in the built tables.
CAUGHT_UP = "UPDATE rebuilds SET caught_up = $2, beaten_at = clock_timestamp() WHERE id = $1"

# It goes on where it was, with other hands.
RESUME = """
UPDATE rebuilds
   SET state = 'building', cancel_requested = false, error = NULL, ended_at = NULL, workers = $2,
       beaten_at = clock_timestamp()
 WHERE id = $1
"""

# Asks a running one ($2: the states of those) to stop.
REQUEST_CANCEL = """
UPDATE rebuilds SET cancel_requested = true
 WHERE id = $1 AND state = ANY($2::text[]) AND NOT cancel_requested
RETURNING target
"""

# Whether somebody asked it to stop.
IS_CANCELLED = "SELECT cancel_requested FROM rebuilds WHERE id = $1"

# The whole rebuilds of a target that are not over ($2: the states of those), the newest first.
UNFINISHED = """
SELECT id FROM rebuilds
 WHERE target = $1 AND state = ANY($2::text[]) AND NOT dry_run
   AND scope = '{"partner": null, "baskets": [], "since": null}'::jsonb
 ORDER BY started_at DESC
"""

# Gives up what was not finished, but for one ($3). What its processes still write is refused from here on.
ABANDON = """
WITH given_up AS (
    UPDATE rebuilds SET state = 'abandoned', ended_at = clock_timestamp()
     WHERE target = $1 AND state = ANY($2::text[]) AND id IS DISTINCT FROM $3
    RETURNING id)
DELETE FROM rebuild_ranges WHERE rebuild_id IN (SELECT id FROM given_up)
"""

# Ranges that nobody needs any more.
FORGET_RANGES = "DELETE FROM rebuild_ranges WHERE rebuild_id = $1"

# The rebuild whose switch made the kept generation the kept one.
LAST_SWITCHED = """
SELECT id, state, caught_up FROM rebuilds WHERE target = $1 AND state IN ('switched', 'rolled-back')
 ORDER BY started_at DESC LIMIT 1
"""

# The generations have changed places; up to $3 all is in both.
ROLLED_BACK = "UPDATE rebuilds SET state = $2, caught_up = $3 WHERE id = $1"

# The newest ($1 of them), or one ($2), each with how far it is and whether somebody holds its target's lock
# ($3: the class of such locks).
READ = """
SELECT rebuilds.*, progress.events, progress.rows, clock_timestamp() - beaten_at AS silent,
       EXISTS (SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND granted AND classid = $3::oid
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND objid = (hashtext('rebuild ' || target)::bigint & 4294967295)::oid) AS held
  FROM rebuilds,
       LATERAL (SELECT coalesce(sum(events), 0)::bigint AS events, coalesce(sum(rows), 0)::bigint AS rows
                  FROM rebuild_ranges WHERE rebuild_id = rebuilds.id) AS progress
 WHERE $2::text IS NULL OR id = $2
 ORDER BY started_at DESC LIMIT $1
"""
