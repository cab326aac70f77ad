"""Dead letters get numbers, order and tries; runs of republishing are kept."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    execute_sql_file(__file__)
