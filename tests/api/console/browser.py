"""A real, headless browser, and the errors that its pages log."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

PATIENCE_MILLISECONDS = 60_000
"""Generous: a busy machine may be slow to draw a page."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)

WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# How much wider the page is than the window.
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def chromium() -> str | None:
    """The path of the browser: from `CHECKOUT_TEST_CHROMIUM`, or on the PATH."""
    named = os.environ.get("CHECKOUT_TEST_CHROMIUM")
    return named or next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


@asynccontextmanager
async def browser(program: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=[*_ARGUMENTS])
        yield running
        await running.close()


@dataclass
class Window:
    """One page of a browser context, with the errors that it logged."""

    page: Page
    url: str
    """Of the console."""
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Requests to other sites."""

    def __post_init__(self) -> None:
        origin = self.url.removesuffix("/console")
        self.page.set_default_timeout(PATIENCE_MILLISECONDS)
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((origin, "data:", origin.replace("http", "ws", 1)))
                else self.foreign.append(request.url)
            ),
        )

    async def open(self, path: str) -> None:
        """Opens a page and waits for its websocket: input before that could be lost."""
        await self.page.goto(self.url + path)
        if "/sign-in" not in self.page.url:
            await self.page.wait_for_function("window.socket?.connected")

    async def sign_in(self, token: str, path: str = "/") -> None:
        await self.open(f"/sign-in?next={path}")
        await self.page.fill("#token", token)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(f"**/console{path}")

    async def overflow(self) -> int:
        """By how many pixels the page can be scrolled sideways."""
        wider: int = await self.page.evaluate(_OVERFLOW)
        return wider


@asynccontextmanager
async def window(
    running: Browser, url: str, size: ViewportSize | None = None, *, dark: bool = False
) -> AsyncIterator[Window]:
    context = await running.new_context(
        viewport=size or WIDE,
        color_scheme="dark" if dark else "light",
        locale="en-GB",
    )
    try:
        yield Window(await context.new_page(), url)
    finally:
        await context.close()


def texts(found: Sequence[str]) -> list[str]:
    """Without surrounding whitespace."""
    return [each.strip() for each in found]
