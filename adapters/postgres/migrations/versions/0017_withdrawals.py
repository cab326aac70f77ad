"""Tombstones withdraw: facts have epochs, and who said them last under which key is known."""

from __future__ import annotations

from adapters.postgres.migrations.sql_files import execute_sql_file

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    execute_sql_file(__file__)
