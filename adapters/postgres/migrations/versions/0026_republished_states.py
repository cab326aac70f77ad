"""Runs of republishing may send the states of baskets."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0026", "0025"
upgrade = run_sql_file(__file__)
