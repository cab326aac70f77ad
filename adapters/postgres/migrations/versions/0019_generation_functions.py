"""Functions through which operators move generations of tables."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0019", "0018"
upgrade = run_sql_file(__file__)
