"""Rebuilds of what is derived, and the rooms for generations that are not live."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute_sql_file(__file__)
