"""Events are readable whatever came with them; dead letters that were emptied hold no headers either."""

from __future__ import annotations

from adapters.postgres.migrations.beside import execute_sql_beside

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    execute_sql_beside(__file__)
