"""Runs what a command does. What stands in the way is raised: the root of the command line says it."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from adapters.settings import Settings

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, while which nothing is logged: a command says in words what is to be said."""
    import asyncio

    silence_logs()
    return asyncio.run(work)


def silence_logs() -> None:
    """Leaves out what libraries and our own parts log, but for what ends a process."""
    import logging

    from adapters.logs import configure_logging

    configure_logging("CRITICAL")
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def settings(*, running: bool = True) -> Settings:
    """The settings of the environment, and of the running service of the data folder (unless not `running`). Names
    that look like settings and are none are told on stderr. Raises InvalidSetting."""
    from adapters.settings import read_settings

    found = read_settings(running=running)
    _warn_once()
    return found


@cache
def _warn_once() -> None:
    from adapters.settings_reader import unknown_settings
    from cli.output import echo_error

    for words in unknown_settings():
        echo_error(words)
