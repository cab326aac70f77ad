"""Reads the catalogue's projections beside their facts for verification, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.postgres.catalogue.fact_tables import read_facts
from adapters.postgres.pool import DatabasePool
from domain.catalogue.facts import Fact
from domain.operators.verify.catalogue_checks import ProjectedRow, ProjectionKind, UnprojectedFacts

QUERY_SECONDS = 60.0
"""Finding the newest fact takes long where a subject has very many."""

# The next $3 offer versions after ($1, $2).
OFFERS = """
SELECT offer_id AS first_key, version AS second_key, offer_id, version, product_codes, fact_id, epoch, sequence, data,
       'offer/' || replace(replace(replace(offer_id, '%', '%25'), '/', '%2F'), '*', '%2A')
       || '/' || replace(replace(replace(version, '%', '%25'), '/', '%2F'), '*', '%2A') AS subject
  FROM catalogue_offers WHERE (offer_id, version) > ($1, $2)
 ORDER BY offer_id, version LIMIT $3
"""

# The same of prices; $2 is unused.
PRICES = """
SELECT subject AS first_key, $2::text AS second_key, offer_id, offer_version, partner, country, currency,
       nullif(valid_from, '-infinity') AS valid_from, nullif(valid_until, 'infinity') AS valid_until,
       fact_id, epoch, sequence, data, subject
  FROM catalogue_prices WHERE subject > $1 ORDER BY subject LIMIT $3
"""

# The same of availability.
AVAILABILITY = """
SELECT subject AS first_key, $2::text AS second_key, product_code,
       nullif(valid_until, 'infinity') AS valid_until, fact_id, epoch, sequence, data, subject
  FROM catalogue_availability WHERE subject > $1 ORDER BY subject LIMIT $3
"""

# The same of policies.
POLICIES = """
SELECT subject AS first_key, $2::text AS second_key, fact_id, epoch, sequence, data, subject
  FROM catalogue_policies WHERE subject > $1 ORDER BY subject LIMIT $3
"""

# The newest fact of each subject. The ids of a subject's facts lie between the subject with `#` and the subject with `$`;
# ids of other subjects may lie there too.
NEWEST_FACTS = """
SELECT asked.subject, newest.data
  FROM unnest($1::text[]) AS asked (subject),
       LATERAL (
       SELECT fact.data FROM catalogue_facts fact
        WHERE fact.fact_id >= asked.subject || '#' AND fact.fact_id < asked.subject || '$'
          AND fact.subject = asked.subject
        ORDER BY fact.epoch DESC, fact.sequence DESC LIMIT 1) AS newest
"""

# The next $2 facts after position $1, and whether their subjects have rows.
FACTS = """
SELECT fact.position, fact.kind, fact.subject,
       CASE fact.kind
           WHEN 'offer' THEN EXISTS (
               SELECT FROM catalogue_offers
                WHERE offer_id = convert_from(fact.data, 'UTF8')::jsonb ->> 'id'
                  AND version = convert_from(fact.data, 'UTF8')::jsonb ->> 'version')
           WHEN 'price' THEN EXISTS (SELECT FROM catalogue_prices WHERE subject = fact.subject)
           WHEN 'availability' THEN EXISTS (SELECT FROM catalogue_availability WHERE subject = fact.subject)
           ELSE EXISTS (SELECT FROM catalogue_policies WHERE subject = fact.subject)
       END AS projected
  FROM (SELECT position, kind, subject, data FROM catalogue_facts
         WHERE position > $1 ORDER BY position LIMIT $2) AS fact
 ORDER BY fact.position
"""

# The number of rows and facts by the last statistics.
COUNT_ABOUT = """
SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class
 WHERE oid = ANY (ARRAY['catalogue_offers', 'catalogue_prices', 'catalogue_availability',
                        'catalogue_policies', 'catalogue_facts']::regclass[])
"""

_ROWS: Mapping[ProjectionKind, str] = {
    "offer": OFFERS,
    "price": PRICES,
    "availability": AVAILABILITY,
    "policy": POLICIES,
}
_NOT_COLUMNS = frozenset({"first_key", "second_key", "subject", "data"})


class PostgresProjectionAudit:
    """ProjectionAudit."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def rows(self, kind: ProjectionKind, after: tuple[str, str], limit: int) -> Sequence[ProjectedRow]:
        async with (
            self._database.connection() as connection,
            # Both queries see one moment.
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await connection.fetch(_ROWS[kind], *after, limit, timeout=QUERY_SECONDS)
            subjects = [row["subject"] for row in rows]
            found = await connection.fetch(NEWEST_FACTS, subjects, timeout=QUERY_SECONDS)
        newest = {row["subject"]: row["data"] for row in found}
        return [
            ProjectedRow(
                key=(row["first_key"], row["second_key"]),
                subject=row["subject"],
                columns={name: value for name, value in row.items() if name not in _NOT_COLUMNS},
                fact=_fact(row["data"]),
                newest=_fact(newest.get(row["subject"])),
            )
            for row in rows
        ]

    async def unprojected(self, after_position: int, limit: int) -> UnprojectedFacts:
        async with self._database.connection() as connection:
            rows = await connection.fetch(FACTS, after_position, limit, timeout=QUERY_SECONDS)
        missing = [(row["kind"], row["subject"], row["position"]) for row in rows if not row["projected"]]
        return UnprojectedFacts(missing, len(rows), rows[-1]["position"] if rows else None)

    async def count(self) -> int:
        async with self._database.connection() as connection:
            count: int = await connection.fetchval(COUNT_ABOUT)
            return count


def _fact(document: bytes | None) -> Fact | None:
    """None also for what cannot be read as a fact."""
    try:
        return read_facts([document])[0] if document is not None else None
    except (ValueError, IndexError):
        return None
