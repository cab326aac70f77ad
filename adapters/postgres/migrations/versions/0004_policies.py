"""What partner organisations' baskets are judged by: policies, facts like those of the catalogue."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute_sql_file(__file__)
