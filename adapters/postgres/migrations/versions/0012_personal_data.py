"""Keys for personal data, and what it takes to forget it."""

from __future__ import annotations

from adapters.postgres.migrations.beside import execute_sql_beside

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    execute_sql_beside(__file__)
