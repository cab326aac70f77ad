"""The catalogue: facts, and the projections of offers, prices and availability."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0003", "0002"
upgrade = run_sql_file(__file__)
