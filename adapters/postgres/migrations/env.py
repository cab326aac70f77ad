"""Alembic runs this module: it applies the migrations in the connection and transaction of `migrate`."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    on_version_apply=context.config.attributes["note"],
)
context.run_migrations()
