"""What the projection and the publisher keep: due baskets are found by an index, dead letters, positions."""

from __future__ import annotations

from adapters.postgres.migrations.beside import execute_sql_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    execute_sql_beside(__file__)
