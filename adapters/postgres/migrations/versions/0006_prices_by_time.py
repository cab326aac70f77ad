"""Market and validity of prices, as columns."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0006", "0005"
upgrade = run_sql_file(__file__)
