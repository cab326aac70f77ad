"""Lets nothing move to a file of the archive that was given up, nor away from a republication."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0029", "0028"
upgrade = run_sql_file(__file__)
