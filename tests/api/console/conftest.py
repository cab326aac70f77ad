"""One running service with data for all browser tests, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, BrowserContext

from tests.api.console.browser import Window, browser, chromium, window
from tests.api.console.played_service import PlayedBaskets, play_baskets
from tests.service.checkout_process import CheckoutService, running_service

OPERATOR = "ada@operations"


@dataclass(frozen=True)
class ConsoleStage:
    """The service, its baskets, and an operator's token."""

    service: CheckoutService
    played: PlayedBaskets
    token: str

    @property
    def url(self) -> str:
        return f"{self.service.url}/console"


@pytest.fixture(scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ConsoleStage]:
    """`checkout up` with its embedded servers. Its broker has no transactions."""
    if chromium() is None:
        pytest.skip("no Chromium is installed; CHECKOUT_TEST_CHROMIUM may name one")
    folder = tmp_path_factory.mktemp("console")
    async with running_service(folder, "--ephemeral", CHECKOUT_KAFKA_DELIVERY="at_least_once") as service:
        played = await play_baskets(service, baskets=3)
        token = await service.command("token", "--scope", "operator", "--subject", OPERATOR)
        yield ConsoleStage(service, played, token.strip())


@pytest.fixture(scope="package")
async def running_browser(stage: ConsoleStage) -> AsyncIterator[Browser]:
    async with browser(chromium() or "") as running:
        yield running


@pytest.fixture
async def stranger(stage: ConsoleStage, running_browser: Browser) -> AsyncIterator[Window]:
    """A window without a session."""
    async with window(running_browser, stage.url) as opened:
        yield opened


@pytest.fixture(scope="package")
async def signed_in(stage: ConsoleStage, running_browser: Browser) -> AsyncIterator[BrowserContext]:
    """What an operator's windows share: the session and the cached scripts."""
    async with window(running_browser, stage.url) as opened:
        await opened.sign_in(stage.token)
        yield opened.page.context


@pytest.fixture
async def operator(stage: ConsoleStage, signed_in: BrowserContext) -> AsyncIterator[Window]:
    """A window of an operator. The test fails if a page logs an error or a warning, or requests another site."""
    opened = Window(await signed_in.new_page(), stage.url)
    yield opened
    await opened.page.close()
    assert opened.complaints == []
    assert opened.foreign == []
