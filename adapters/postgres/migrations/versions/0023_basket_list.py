"""Adds the indexes of a partner's list of its own baskets."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0023", "0022"
upgrade = run_sql_file(__file__)
