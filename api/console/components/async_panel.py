"""Places that are filled once the page is there, and filled again: bones while something is read, words where it
cannot be had."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

import structlog
from nicegui import ui

from api.console.components.widgets import (
    box,
    button,
    notice,
    skeleton,
)
from domain.shared.errors import CheckoutError, Unavailable
from domain.shared.printable import printable

T = TypeVar("T")

_log = structlog.get_logger("console")


class AsyncPanel(Generic[T]):
    """Reads with `fetch`, draws with `show`; the newest request wins over those before it."""

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
        self._asked = 0
        self._drawn: list[T] = []
        self._box = box(classes)
        with self._box:
            skeleton(lines)
        ui.timer(0, self.refresh, once=True)

    async def refresh(self) -> None:
        self._asked += 1
        asked = self._asked
        try:
            content = await self._fetch()
        except Exception as error:  # noqa: BLE001  whatever it is, the page must not go on as if it came
            self._drawn.clear()
            self._fill(partial(self._failed, error_text(error), again=isinstance(error, Unavailable)))
            return
        if asked != self._asked or self._drawn == [content]:
            return  # what is the same is left as it is: somebody may be about to click on it
        self._drawn = [content]
        self._fill(partial(self._show, content))

    def _fill(self, draw: Callable[[], object]) -> None:
        if self._box.is_deleted:
            return
        self._box.clear()
        with self._box:
            draw()

    def _failed(self, words: str, *, again: bool) -> None:
        with box("body stack"):
            notice(words, "bad", "error")
            if again:
                with box("line"):
                    button("Try again", self.refresh, symbol="refresh")


def error_text(error: Exception) -> str:
    """The error for people; one about our own parts names no hosts, and one that nobody foresaw is logged."""
    if isinstance(error, Unavailable):
        _log.warning("console_unavailable", reason=str(error))
        return "A part of the service does not answer at present. Nothing was changed; try again in a moment."
    if not isinstance(error, CheckoutError):
        _log.error("console_unexpected_failure", exc_info=error)
        return "Something went wrong on our side, and was written to the log."
    words = printable(str(error))
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"
