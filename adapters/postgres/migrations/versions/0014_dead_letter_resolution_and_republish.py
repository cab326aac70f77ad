"""Resolution of dead letters, and runs of republishing."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0014", "0012"
upgrade = run_sql_file(__file__)
