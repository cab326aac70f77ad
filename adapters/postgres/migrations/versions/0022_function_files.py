"""Replaces every function with the version in its file, whichever release created it."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0022", "0021"
upgrade = run_sql_file(__file__)
