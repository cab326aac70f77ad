"""Partitions the events by the month in which their basket was created."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0027", "0026"
upgrade = run_sql_file(__file__)
