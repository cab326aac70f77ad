"""What operators changed, with who and why."""

from __future__ import annotations

from adapters.postgres.migrations.beside import execute_sql_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute_sql_beside(__file__)
