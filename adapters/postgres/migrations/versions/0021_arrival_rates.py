"""The rate of arriving events."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0021", "0019"
upgrade = run_sql_file(__file__)
