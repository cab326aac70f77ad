"""Prices for a partner, and availability with a period."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0024", "0023"
upgrade = run_sql_file(__file__)
