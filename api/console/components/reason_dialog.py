"""Asking why, before something is changed; and doing it, with what came of it in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from nicegui import ui

from api.console.components.async_panel import error_text
from api.console.components.widgets import (
    Tone,
    box,
    button,
    notice,
    safe_text,
)
from api.console.page_context import PageContext
from domain.operators.audit import Operator

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class DialogResult:
    """What came of it."""

    words: str
    tone: Tone = "good"


_KINDS: dict[Tone, Literal["positive", "negative", "warning", "info"]] = {
    "good": "positive",
    "bad": "negative",
    "warn": "warning",
    "news": "info",
    "": "info",
}

Do = Callable[[Operator], Awaitable[DialogResult]]


@dataclass(frozen=True, slots=True)
class ReasonQuestion:
    """`confirm`: what has to be typed, for what cannot be taken back; `more` draws further fields."""

    title: str
    what: str
    deed: str
    danger: bool = False
    confirm: str | None = None
    more: Callable[[], object] | None = None


def ask_reason(
    visit: PageContext, question: ReasonQuestion, do: Do, then: Callable[[], object] | None = None
) -> None:
    """Opens the question; `then` is called after it was done. It stays open where it could not be done."""
    _Asking(visit, question, do, then).open()


class _Asking:
    def __init__(
        self, visit: PageContext, question: ReasonQuestion, do: Do, then: Callable[[], object] | None
    ) -> None:
        self._visit = visit
        self._question = question
        self._do = do
        self._then = then

    def open(self) -> None:
        question = self._question
        with ui.dialog() as self._dialog, ui.card(), box("sheet"):
            safe_text(question.title, tag="h2")
            safe_text(question.what, "soft", tag="p")
            if question.more is not None:
                question.more()
            self._reason = ui.textarea("Why", placeholder="It is recorded with your name.")
            self._reason.props(f"outlined dense autogrow autofocus maxlength={LONGEST_REASON}")
            self._typed = None
            if question.confirm is not None:
                self._typed = ui.input("Type it to confirm").props("outlined dense autocomplete=off")
                self._typed.props["hint"] = question.confirm
            self._complaint = box()
            with box("deeds"):
                button("Not now", self._dialog.close, kind="quiet")
                kind = "main-deed danger" if question.danger else "main-deed"
                self._deed = button(question.deed, self._answered, kind=kind)
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    async def _answered(self) -> None:
        reason = (self._reason.value or "").replace("\x00", "").strip()
        if not reason:
            self._complain("Say why: it is recorded with what you do.")
            return
        if self._typed is not None and (self._typed.value or "").strip() != self._question.confirm:
            self._complain("What you typed is not what this is about.")
            return
        self._deed.props("loading")
        try:
            came = await self._do(await self._visit.operator(reason))
        except Exception as error:  # noqa: BLE001  whoever asked is told, whatever it is
            self._complain(error_text(error))
            return
        finally:
            self._deed.props(remove="loading")
        self._dialog.close()
        ui.notify(came.words, type=_KINDS[came.tone], position="top", timeout=6000, multi_line=True)
        if self._then is not None:
            result = self._then()
            if isinstance(result, Awaitable):
                await result

    def _complain(self, said: str) -> None:
        self._complaint.clear()
        with self._complaint:
            notice(said, "bad", "error")
