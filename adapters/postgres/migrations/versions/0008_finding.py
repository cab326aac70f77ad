"""What baskets are found by: their offers, their products and what their last verdicts found."""

from __future__ import annotations

from adapters.postgres.migrations.beside import execute_sql_beside

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    execute_sql_beside(__file__)
