"""When and in which market each price holds, beside it: prices are read for a moment, not for all time."""

from __future__ import annotations

from adapters.postgres.migrations.beside import execute_sql_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_sql_beside(__file__)
