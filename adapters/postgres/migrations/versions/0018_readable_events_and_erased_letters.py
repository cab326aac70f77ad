"""Readable events despite U+0000, and dead letters that were erased."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0018", "0017"
upgrade = run_sql_file(__file__)
