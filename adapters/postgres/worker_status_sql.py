"""SQL of the workers' status."""

from __future__ import annotations

# Stores a process's reports; each array has one element for each worker.
REPORT = """
INSERT INTO worker_states AS held
       (instance, host, pid, release, worker, condition, since, started_at, beaten_at, reported_at, role, holds_role,
        position, lag_events, lag_seconds, figures_at, rate, handled, restarts, last_error, last_error_at, arriving)
SELECT $1, $2, $3, $4, said.worker, said.condition,
       clock.now - make_interval(secs => said.condition_seconds), clock.now,
       clock.now - make_interval(secs => said.silent_seconds), clock.now,
       said.role, said.holds_role, said.position, said.lag_events, said.lag_seconds,
       clock.now - make_interval(secs => said.figures_seconds),
       said.rate, said.handled, said.restarts, said.last_error,
       clock.now - make_interval(secs => said.last_error_seconds), said.arriving
  FROM (SELECT clock_timestamp() AS now) AS clock,
       unnest($5::text[], $6::text[], $7::float8[], $8::float8[], $9::text[], $10::bool[], $11::bigint[],
              $12::bigint[], $13::float8[], $14::float8[], $15::float8[], $16::bigint[], $17::int[],
              $18::text[], $19::float8[], $20::float8[])
       AS said (worker, condition, condition_seconds, silent_seconds, role, holds_role, position,
                lag_events, lag_seconds, figures_seconds, rate, handled, restarts, last_error,
                last_error_seconds, arriving)
    ON CONFLICT (worker, instance) DO UPDATE
   SET condition = excluded.condition, since = excluded.since, beaten_at = excluded.beaten_at,
       reported_at = excluded.reported_at, role = excluded.role, holds_role = excluded.holds_role,
       position = excluded.position, lag_events = excluded.lag_events, lag_seconds = excluded.lag_seconds,
       figures_at = excluded.figures_at, rate = excluded.rate, handled = excluded.handled,
       restarts = excluded.restarts, last_error = excluded.last_error, last_error_at = excluded.last_error_at,
       arriving = excluded.arriving
"""

# The last report on each worker of each process.
REPORTS = """
SELECT instance, host, pid, release, worker, condition, since, started_at, beaten_at, reported_at, role,
       holds_role, position, lag_events, lag_seconds, figures_at, rate, handled, restarts, last_error,
       last_error_at, arriving
  FROM worker_states ORDER BY worker, started_at, instance
"""

# The backlogs that PostgreSQL can count.
# Publisher: the events after the position that was last reported for its role.
# Revalidator: the facts after its checkpoint. Expiry: the baskets that are due by their views.
# Projector: of the $2 newest events those that the views do not hold, except of blocked baskets.
# The arriving rate is by the last ten seconds; where all of the $2 newest are younger, by the age of the oldest of them.
BACKLOGS = """
WITH stored AS (
    SELECT CASE WHEN count(*) FILTER (WHERE young) < $2 THEN count(*) FILTER (WHERE young) / 10.0
                ELSE count(*) / greatest(extract(epoch FROM statement_timestamp() - min(moment)), 0.001)
            END::float8 AS rate
      FROM (SELECT recorded_at AS moment, recorded_at > statement_timestamp() - interval '10 s' AS young
              FROM events ORDER BY position DESC LIMIT $2) AS newest
), learned AS (
    SELECT CASE WHEN count(*) FILTER (WHERE young) < $2 THEN count(*) FILTER (WHERE young) / 10.0
                ELSE count(*) / greatest(extract(epoch FROM statement_timestamp() - min(moment)), 0.001)
            END::float8 AS rate
      FROM (SELECT learned_at AS moment, learned_at > statement_timestamp() - interval '10 s' AS young
              FROM catalogue_facts ORDER BY position DESC LIMIT $2) AS newest
)
SELECT 'publisher' AS worker, last.role, last.position, store.last AS "end",
       CASE WHEN found.events > $1 THEN greatest(store.last - last.position, found.events)
            ELSE found.events END AS events,
       false AS more, found.oldest, (SELECT rate FROM stored) AS arriving
  FROM (SELECT DISTINCT ON (role) role, position FROM worker_states
         WHERE worker = 'publisher' AND role IS NOT NULL AND position IS NOT NULL
         ORDER BY role, reported_at DESC) AS last,
       LATERAL (SELECT coalesce(max(position), 0) AS last FROM events) AS store,
       LATERAL (SELECT count(*) AS events,
                       (SELECT recorded_at FROM events WHERE position > last.position
                         ORDER BY position LIMIT 1) AS oldest
                  FROM (SELECT FROM events WHERE position > last.position
                         ORDER BY position LIMIT $1 + 1) AS after) AS found
 UNION ALL
SELECT 'revalidator', NULL, reader.position, store.last,
       CASE WHEN found.events > $1 THEN greatest(store.last - reader.position, found.events)
            ELSE found.events END,
       false, found.oldest, (SELECT rate FROM learned)
  FROM (SELECT position FROM catalogue_readers WHERE reader = 'revalidator') AS reader,
       LATERAL (SELECT coalesce(max(position), 0) AS last FROM catalogue_facts) AS store,
       LATERAL (SELECT count(*) AS events,
                       (SELECT learned_at FROM catalogue_facts WHERE position > reader.position
                         ORDER BY position LIMIT 1) AS oldest
                  FROM (SELECT FROM catalogue_facts WHERE position > reader.position
                         ORDER BY position LIMIT $1 + 1) AS after) AS found
 UNION ALL
SELECT 'expiry', NULL, NULL, NULL, count(*), count(*) > $1, min(expires_at), NULL
  FROM (SELECT expires_at FROM basket_views
         WHERE status = 'open' AND expires_at <= statement_timestamp()
         ORDER BY expires_at LIMIT $1 + 1) AS due
 UNION ALL
SELECT 'projector', NULL, NULL, NULL, count(*) FILTER (WHERE behind.is_it),
       coalesce(bool_and(behind.is_it) AND count(*) >= $2, false),
       min(behind.recorded_at) FILTER (WHERE behind.is_it), NULL
  FROM (SELECT event.recorded_at,
               NOT EXISTS (SELECT FROM basket_views view
                            WHERE view.basket_id = event.stream_id AND view.version >= event.version)
               AND NOT EXISTS (SELECT FROM dead_letters letter
                                WHERE letter.basket_id = event.stream_id AND letter.settled_at IS NULL)
               AS is_it
          FROM (SELECT stream_id, version, recorded_at FROM events
                 ORDER BY position DESC LIMIT $2) AS event
        OFFSET 0) AS behind
"""

# How many dead letters wait for an operator, and since when the oldest waits.
DEAD_LETTERS = """
SELECT count(*), min(recorded_at)
  FROM (SELECT recorded_at FROM dead_letters WHERE settled_at IS NULL ORDER BY number LIMIT $1) AS waiting
"""

# The sessions that hold roles. A lock contains only the hash of its role.
ROLE_LOCKS = """
SELECT role.name, session.application_name
  FROM (SELECT DISTINCT role FROM worker_states WHERE role IS NOT NULL) AS role (name)
  JOIN pg_locks held
    ON held.locktype = 'advisory' AND held.granted AND held.classid::bigint = $1
   AND held.objid = hashtext(role.name)::oid AND held.objsubid = 2
   AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  LEFT JOIN pg_stat_activity session ON session.pid = held.pid
"""

# Deletes old reports, except the newest on each worker and the newest that knows its position.
CLEAR_AWAY = """
DELETE FROM worker_states old
 WHERE old.reported_at < clock_timestamp() - make_interval(secs => $1)
   AND EXISTS (SELECT FROM worker_states newer
                WHERE newer.worker = old.worker AND newer.reported_at > old.reported_at
                  AND (old.position IS NULL OR newer.position IS NOT NULL))
"""

# What was observed of the brokers: the subject $1, and as JSON what was found.
OBSERVE = """
INSERT INTO broker_observations AS held (subject, observed_at, found)
VALUES ($1, clock_timestamp(), $2::jsonb)
    ON CONFLICT (subject) DO UPDATE SET observed_at = excluded.observed_at, found = excluded.found
"""

OBSERVATIONS = "SELECT subject, observed_at, found::text FROM broker_observations"

# The partitions of events, the oldest baskets first.
EVENT_PARTITIONS = """
SELECT name, begins, ends, events, bytes FROM event_partitions ORDER BY begins NULLS FIRST, ends NULLS LAST
"""

NOW = "SELECT clock_timestamp()"
