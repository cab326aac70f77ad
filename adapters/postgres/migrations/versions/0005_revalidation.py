"""Positions of facts, checkpoints of their readers, and the references of open baskets, for revalidation."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0005", "0004"
upgrade = run_sql_file(__file__)
