"""Every function as its file says, whichever release made it."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0022", "0021"
upgrade = run_sql_file(__file__)
