"""Runs what a command does. What stands in the way is raised: the root of the command line says it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from adapters.settings import Settings

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, while which nothing is logged: a command says in words what is to be said."""
    import asyncio

    quieten_logs()
    return asyncio.run(work)


def quieten_logs() -> None:
    """Leaves out what libraries and our own parts log, but for what ends a process."""
    import logging

    from adapters.logs import configure_logging

    configure_logging("CRITICAL")
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def settings(**given: object) -> Settings:
    """Settings of the environment; what the command line gives goes before. Raises WrongSetting."""
    from adapters.settings import read_settings

    return read_settings(**{name: value for name, value in given.items() if value is not None})
