"""Who rebuilds needs no ownership of the tables: functions of the owner make and move generations."""

from __future__ import annotations

from adapters.postgres.migrations.beside import execute_sql_beside

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    execute_sql_beside(__file__)
