"""Keys of personal data, and what erasure needs."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0012", "0011"
upgrade = run_sql_file(__file__)
