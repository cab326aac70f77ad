"""The event store: events, claims, answers, and the table of basket views that reads look into."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute_sql_file(__file__)
