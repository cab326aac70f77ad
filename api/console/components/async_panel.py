"""Content that is read once the page is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

import structlog
from nicegui import ui

from api.console.components.widgets import box, button, notice, redraw, skeleton
from domain.shared.errors import CheckoutError, Unavailable
from domain.shared.printable import printable

T = TypeVar("T")

_log = structlog.get_logger("console")


class AsyncPanel(Generic[T]):
    """Reads with `fetch` and draws with `show`, and again at each refresh. The newest request wins.

    Shows a skeleton while it reads for the first time, and a message where reading fails.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[T]],
        show: Callable[[T], object],
        *,
        lines: int = 5,
        classes: str = "",
    ) -> None:
        self._fetch = fetch
        self._show = show
        self._request = 0
        self._drawn: list[T] = []
        self._box = box(classes)
        with self._box:
            skeleton(lines)
        ui.timer(0, self.refresh, once=True)

    async def refresh(self) -> None:
        self._request += 1
        request = self._request
        try:
            content = await self._fetch()
        except Exception as error:  # noqa: BLE001  whatever it is, the page must not show old content
            self._drawn.clear()
            self._fill(partial(self._draw_failure, error_text(error), again=isinstance(error, Unavailable)))
            return
        if request != self._request or self._drawn == [content]:
            return  # equal content stays: somebody may be about to click on it
        self._drawn = [content]
        self._fill(partial(self._show, content))

    def _fill(self, draw: Callable[[], object]) -> None:
        if not self._box.is_deleted:
            redraw(self._box, draw)

    def _draw_failure(self, message: str, *, again: bool) -> None:
        with box("body stack"):
            notice(message, "bad", "error")
            if again:
                with box("line"):
                    button("Try again", self.refresh, symbol="refresh")


def error_text(error: Exception) -> str:
    """The error for people. Names no hosts of this service. Logs an error that nobody expected."""
    if isinstance(error, Unavailable):
        _log.warning("console_unavailable", reason=str(error))
        return "A part of the service does not answer at present. Nothing was changed; try again in a moment."
    if not isinstance(error, CheckoutError):
        _log.error("console_unexpected_failure", exc_info=error)
        return "Something went wrong on our side, and was written to the log."
    message = printable(str(error))
    return f"{message[:1].upper()}{message[1:]}{'' if message.endswith('.') else '.'}"
