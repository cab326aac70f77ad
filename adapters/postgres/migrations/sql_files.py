"""Runs migrations that are plain SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from alembic import op

# `\ir FILE` includes a file by its path from the script, as in psql.
_INCLUDE = re.compile(r"^\\ir (\S+)$", re.MULTILINE)


def read_sql(script: Path) -> str:
    """The script, with the files that it includes in their places."""
    text = script.read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda line: (script.parent / line[1]).read_text(encoding="utf-8"), text)


def run_sql_file(module: str) -> Callable[[], None]:
    """Gives an `upgrade` that runs the `.sql` file beside a migration's module (its `__file__`), in the migration's
    transaction."""

    def upgrade() -> None:
        script = read_sql(Path(module).with_suffix(".sql"))
        connection = op.get_bind().connection.dbapi_connection
        # Past SQLAlchemy: only the driver's simple protocol takes a script of several statements.
        connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]

    return upgrade
