"""The event store: events, claims, stored responses, and the basket views from which reads start."""

from adapters.postgres.migrations.sql_files import run_sql_file

revision, down_revision = "0001", None
upgrade = run_sql_file(__file__)
