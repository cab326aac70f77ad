"""The status that each worker reports."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0011", "0010"
upgrade = run_sql_file(__file__)
