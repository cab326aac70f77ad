"""The statements on the records of rebuilds and their ranges."""

from __future__ import annotations

# Inserts a rebuild.
INSERT = """
INSERT INTO rebuilds (id, target, scope, dry_run, state, actor, way, reason, workers, layout, caught_up, total)
VALUES ($1, $2, $3, $4, 'building', $5, $6, $7, $8, $9, $10, $11)
"""

# Inserts its ranges, in the order of their keys.
INSERT_RANGES = """
INSERT INTO rebuild_ranges (rebuild_id, number, reached, upto)
SELECT $1, number, after, upto FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS range (after, upto, number)
"""

# Its unfinished ranges.
RANGES_LEFT = """
SELECT number, reached, upto FROM rebuild_ranges WHERE rebuild_id = $1 AND NOT finished ORDER BY number
"""

# The last keys of all its ranges.
RANGES = "SELECT number, upto FROM rebuild_ranges WHERE rebuild_id = $1 ORDER BY number"

# Advances a range, in the transaction that writes its rows. Returns nothing where another process was faster, or the
# rebuild was abandoned.
ADVANCE_RANGE = """
UPDATE rebuild_ranges
   SET reached = $4, finished = $5, events = events + $6, rows = rows + $7, unfoldable = unfoldable || $8::jsonb
 WHERE rebuild_id = $1 AND number = $2 AND reached = $3 AND NOT finished
RETURNING number
"""

# Advances the only range of a repair in place.
ADVANCE_ONLY_RANGE = "UPDATE rebuild_ranges SET events = events + $2, rows = rows + $3 WHERE rebuild_id = $1"

# The sum over its ranges.
PROGRESS = """
SELECT coalesce(sum(events), 0)::bigint AS events, coalesce(sum(rows), 0)::bigint AS rows
  FROM rebuild_ranges WHERE rebuild_id = $1
"""

# Its streams that cannot be folded.
UNFOLDABLE = """
SELECT sample FROM rebuild_ranges, jsonb_array_elements(unfoldable) AS sample
 WHERE rebuild_id = $1 ORDER BY number
"""

# Writes a heartbeat, and returns whether it is asked to stop.
HEARTBEAT = """
UPDATE rebuilds SET beaten_at = clock_timestamp(), rate = $2, waiting_for = $3
 WHERE id = $1 RETURNING cancel_requested
"""

# Sets the state; a final one with its time.
SET_STATE = """
UPDATE rebuilds
   SET state = $2, error = $3, beaten_at = clock_timestamp(), waiting_for = NULL,
       ended_at = CASE WHEN $2 IN ('building', 'comparing', 'switching') THEN NULL ELSE clock_timestamp() END
 WHERE id = $1
"""

# Saves how the tables compare.
SAVE_COMPARISON = "UPDATE rebuilds SET comparison = $2 WHERE id = $1"

# What its session needs to resume it.
RESUME_POINT = "SELECT layout, caught_up FROM rebuilds WHERE id = $1"

# Saves the position up to which the built tables have all events.
SAVE_POSITION = "UPDATE rebuilds SET caught_up = $2, beaten_at = clock_timestamp() WHERE id = $1"

# Resumes it, with other processes.
RESUME = """
UPDATE rebuilds
   SET state = 'building', cancel_requested = false, error = NULL, ended_at = NULL, workers = $2,
       beaten_at = clock_timestamp()
 WHERE id = $1
"""

# Asks a rebuild to stop, if it is in a running state ($2).
REQUEST_CANCEL = """
UPDATE rebuilds SET cancel_requested = true
 WHERE id = $1 AND state = ANY($2::text[]) AND NOT cancel_requested
RETURNING target
"""

# Whether it was asked to stop.
IS_CANCELLED = "SELECT cancel_requested FROM rebuilds WHERE id = $1"

# The unfinished whole rebuilds of a target ($2: their states), the newest first.
UNFINISHED = """
SELECT id FROM rebuilds
 WHERE target = $1 AND state = ANY($2::text[]) AND NOT dry_run
   AND scope = '{"partner": null, "baskets": [], "since": null}'::jsonb
 ORDER BY started_at DESC
"""

# Abandons unfinished rebuilds, except one ($3). From here on their processes can write nothing.
ABANDON = """
WITH given_up AS (
    UPDATE rebuilds SET state = 'abandoned', ended_at = clock_timestamp()
     WHERE target = $1 AND state = ANY($2::text[]) AND id IS DISTINCT FROM $3
    RETURNING id)
DELETE FROM rebuild_ranges WHERE rebuild_id IN (SELECT id FROM given_up)
"""

# The rebuild whose switch replaced the kept tables.
LAST_SWITCHED = """
SELECT id, state, caught_up FROM rebuilds WHERE target = $1 AND state IN ('switched', 'rolled-back')
 ORDER BY started_at DESC LIMIT 1
"""

# Saves a roll-back; both sets of tables have all events up to $3.
ROLLED_BACK = "UPDATE rebuilds SET state = $2, caught_up = $3 WHERE id = $1"

# The newest ($1 of them), or one ($2), each with its progress and whether a session holds its target's lock ($3: the
# class of such locks).
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
