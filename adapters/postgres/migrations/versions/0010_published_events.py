"""Which event lies at a publisher's position."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    execute_sql_file(__file__)
