"""Workers say how much arrives for them a second, so that it can be told whether they catch up."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0021"
down_revision = "0019"


def upgrade() -> None:
    execute_sql_file(__file__)
