"""The one runner of commands: their settings, their connections, interruption and exit codes.

A command raises what stands in its way. The root command prints it and chooses the exit code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from cli.signals import stop_signal

if TYPE_CHECKING:
    import asyncio

    from adapters.container import Container
    from adapters.settings import Settings

T = TypeVar("T")

DONE = 0
NOT_DONE = 1
NO_ANSWER = 2
INTERNAL_ERROR = 70
INTERRUPTED = 130


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Returns the result of the work. Logs stay silent: a command prints what people need to know."""
    import asyncio

    silence_logs()
    return asyncio.run(work)


def run_with_container(work: Callable[[Container], Awaitable[T]]) -> T:
    """Runs the work on a container of the current settings and closes it. Raises CheckoutError."""

    async def opened() -> T:
        from adapters.container import open_operator_container

        async with open_operator_container(load_settings()) as container:
            return await work(container)

    return run_async(opened())


def run_interruptible(work: Callable[[Container, asyncio.Event], Awaitable[T]]) -> T:
    """Runs long work with long time limits. SIGINT and SIGTERM set the event, and the work ends by itself.

    Where it ends by raising Interrupted, the command exits with INTERRUPTED. Raises CheckoutError.
    """

    async def opened() -> T:
        from adapters.container import open_operator_container
        from cli.outage_retry import with_long_run_timeouts

        settings = with_long_run_timeouts(load_settings())
        async with open_operator_container(settings) as container, stop_signal() as stop:
            return await work(container, stop)

    return run_async(opened())


def silence_logs() -> None:
    """Drops all log lines, except those of an error that ends the process."""
    import logging

    from adapters.logs import configure_logging

    configure_logging("CRITICAL")
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def load_settings(*, running: bool = True) -> Settings:
    """The settings of the environment and, if `running`, of the service that runs in the data folder.

    Prints a warning once for each variable that looks like a setting and is none. Raises InvalidSetting.
    """
    from adapters.settings_reader import read_settings

    settings = read_settings(running=running)
    _warn_of_unknown_settings()
    return settings


@cache
def _warn_of_unknown_settings() -> None:
    from adapters.settings_reader import unknown_settings
    from cli.output import echo_error

    for warning in unknown_settings():
        echo_error(warning)
