"""Migrations as plain SQL."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def execute_sql_file(module: str) -> None:
    """Executes the `.sql` file beside a migration's module (its `__file__`) in the migration's transaction."""
    script = Path(module).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind().connection.dbapi_connection
    # Straight through the driver: only its simple protocol takes a script of several statements.
    connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]
