"""Snapshots are compressed by lz4 where the server has it."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    execute_sql_file(__file__)
