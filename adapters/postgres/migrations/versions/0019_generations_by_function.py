"""Who rebuilds needs no ownership of the tables: functions of the owner make and move generations."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    execute_sql_file(__file__)
