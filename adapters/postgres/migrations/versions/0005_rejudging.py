"""The order in which facts were learned, which open baskets use what, and how far readers of facts are."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute_sql_file(__file__)
