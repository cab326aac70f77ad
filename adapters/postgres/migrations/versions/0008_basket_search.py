"""The columns and indexes of the basket search."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0008", "0007"
upgrade = run_sql_file(__file__)
