"""What the projection and the publisher keep: due baskets are found by an index, dead letters, positions."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    execute_sql_file(__file__)
