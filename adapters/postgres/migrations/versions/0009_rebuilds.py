"""Rebuilds: their records, ranges and schemas."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0009", "0008"
upgrade = run_sql_file(__file__)
