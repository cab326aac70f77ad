"""Snapshots compressed with lz4."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0015", "0014"
upgrade = run_sql_file(__file__)
