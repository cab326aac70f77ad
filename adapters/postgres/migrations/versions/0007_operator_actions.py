"""The audit log of operators."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0007", "0006"
upgrade = run_sql_file(__file__)
