from __future__ import annotations

import pytest

from cli.runner import silence_logs
from tests.cli.conformance.played_service import PlayedService


@pytest.fixture(scope="package")
def played(tmp_path_factory: pytest.TempPathFactory) -> PlayedService:
    """One service for all tests of the suite, because making its API takes longer than a run."""
    silence_logs()
    return PlayedService(tmp_path_factory.mktemp("played"))
