"""The process in which a copy's tests run. It loads the packages of others once, and forks for each run: loading takes
far longer than most tests. Of our own code it loads nothing, so that each run sees the copy as it is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

import pytest

_SLOW_TO_LOAD = [
    "aiokafka",
    "alembic",
    "asyncpg",
    "fastapi",
    "httpx",
    "hypothesis",
    "jsonschema",
    "jwt",
    "pydantic",
    "schemathesis",
    "sqlalchemy.ext.asyncio",
    "structlog",
    "typer.testing",
    "uvicorn",
]


def main() -> None:
    """Reads one JSON document a line from stdin, runs its tests, and answers each with a line."""
    for name in _SLOW_TO_LOAD:
        import_module(name)
    for plugin in entry_points(group="pytest11"):
        plugin.load()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(asked["tests"], Path(asked["output"]), asked["environment"])
        os.waitpid(child, 0)
        sys.stdout.write("done\n")
        sys.stdout.flush()


def _run(tests: Sequence[str], output: Path, environment: Mapping[str, str]) -> NoReturn:
    os.environ.update(environment)
    with output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    options = [
        *("-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-p", "tests.guards.outcomes"),
        # Plugins are loaded before pytest could look at their assertions.
        *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    ]
    code = pytest.main([*options, *tests])
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
