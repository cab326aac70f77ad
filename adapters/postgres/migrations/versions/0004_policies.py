"""Policies of partner organisations, as facts of the catalogue."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0004", "0003"
upgrade = run_sql_file(__file__)
