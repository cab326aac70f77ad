"""Events are readable whatever came with them; dead letters that were emptied hold no headers either."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    execute_sql_file(__file__)
