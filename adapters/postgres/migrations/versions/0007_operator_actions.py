"""What operators changed, with who and why."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute_sql_file(__file__)
