from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from cli.runner import silence_logs
from tests.cli.conformance.played_service import PlayedService


@pytest.fixture(scope="package")
def played(tmp_path_factory: pytest.TempPathFactory) -> PlayedService:
    """One service for all tests of the suite, because making its API takes longer than a run."""
    return PlayedService(tmp_path_factory.mktemp("played"))


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """Drops the log lines of the service and of commands that run in this process, and lets later tests have theirs."""
    loggers = [logging.getLogger(name) for name in (None, "aiokafka", "asyncio")]
    handlers, levels = loggers[0].handlers, [logger.level for logger in loggers]
    silence_logs()
    yield
    structlog.reset_defaults()
    loggers[0].handlers = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
