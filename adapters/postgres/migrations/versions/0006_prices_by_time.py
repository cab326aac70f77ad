"""When and in which market each price holds, beside it: prices are read for a moment, not for all time."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_sql_file(__file__)
