"""The name of the event that was published last."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0010", "0009"
upgrade = run_sql_file(__file__)
