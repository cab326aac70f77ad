"""A service for each test, and callers of two organisations."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.logs import configure_logging
from adapters.settings import Settings
from tests.api.service import RIVAL, ApiCaller, Service, settings_in


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder: Path = tmp_path_factory.mktemp("issuer")
    return settings_in(folder)


@pytest.fixture
def service(settings: Settings) -> Service:
    return Service(settings)


@pytest.fixture
def shop(service: Service) -> ApiCaller:
    return service.caller()


@pytest.fixture
def rival(service: Service) -> ApiCaller:
    return service.caller(RIVAL)


LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Iterator[LogLines]:
    """What was logged since the last call, as the process itself would log it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging("INFO")
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)
