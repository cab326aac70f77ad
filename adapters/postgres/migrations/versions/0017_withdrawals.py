"""Withdrawals of facts, and the keys of messages."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0017", "0015"
upgrade = run_sql_file(__file__)
