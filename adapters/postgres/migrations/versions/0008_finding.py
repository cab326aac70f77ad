"""What baskets are found by: their offers, their products and what their last verdicts found."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    execute_sql_file(__file__)
