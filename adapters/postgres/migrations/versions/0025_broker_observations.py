"""What was observed of the brokers: lags of consumer groups, and settings of topics."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0025", "0024"
upgrade = run_sql_file(__file__)
