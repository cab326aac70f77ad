"""Catalogue facts and the projections of the newest of them."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_sql_file(__file__)
