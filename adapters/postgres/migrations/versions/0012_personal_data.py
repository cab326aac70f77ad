"""Keys for personal data, and what it takes to forget it."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    execute_sql_file(__file__)
