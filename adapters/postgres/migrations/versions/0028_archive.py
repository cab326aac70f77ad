"""Lets finished baskets move to files, and back."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0028", "0027"
upgrade = run_sql_file(__file__)
