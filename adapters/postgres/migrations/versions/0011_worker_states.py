"""How the processes of the service are, as they say it themselves."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    execute_sql_file(__file__)
