"""Due baskets, dead letters and the checkpoints of publishers."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0002", "0001"
upgrade = run_sql_file(__file__)
