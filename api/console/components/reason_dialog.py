"""The dialog before a change: it asks for the reason, makes the change, and shows the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from nicegui import ui

from api.console.components.async_panel import error_text
from api.console.components.widgets import Tone, box, button, notice, redraw, safe_text
from api.console.page_context import PageContext
from domain.operators.audit import MAX_REASON_LENGTH, Operator


@dataclass(frozen=True, slots=True)
class DialogResult:
    message: str
    tone: Tone = "good"


_NOTIFICATIONS: dict[Tone, Literal["positive", "negative", "warning", "info"]] = {
    "good": "positive",
    "bad": "negative",
    "warn": "warning",
    "info": "info",
    "": "info",
}

Change = Callable[[Operator], Awaitable[DialogResult]]


@dataclass(frozen=True, slots=True)
class ReasonQuestion:
    """`action` labels the button. `confirm` must be typed, for what cannot be undone. `more` draws more fields."""

    title: str
    explanation: str
    action: str
    danger: bool = False
    confirm: str | None = None
    more: Callable[[], object] | None = None


def ask_reason(
    page: PageContext, question: ReasonQuestion, change: Change, then: Callable[[], object] | None = None
) -> None:
    """Opens the dialog. Calls `then` after the change. It stays open where the change fails."""
    _ReasonDialog(page, question, change, then).open()


class _ReasonDialog:
    def __init__(
        self, page: PageContext, question: ReasonQuestion, change: Change, then: Callable[[], object] | None
    ) -> None:
        self._page = page
        self._question = question
        self._change = change
        self._then = then

    def open(self) -> None:
        question = self._question
        with ui.dialog() as self._dialog, ui.card(), box("dialog-body"):
            safe_text(question.title, tag="h2")
            safe_text(question.explanation, "soft", tag="p")
            if question.more is not None:
                question.more()
            self._reason = ui.textarea("Why", placeholder="It is recorded with your name.")
            self._reason.props(f"outlined dense autogrow autofocus maxlength={MAX_REASON_LENGTH}")
            self._typed = None
            if question.confirm is not None:
                self._typed = ui.input("Type it to confirm").props("outlined dense autocomplete=off")
                self._typed.props["hint"] = question.confirm
            self._complaint = box()
            with box("actions"):
                button("Not now", self._dialog.close, kind="quiet")
                kind = "primary danger" if question.danger else "primary"
                self._button = button(question.action, self._confirmed, kind=kind)
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    async def _confirmed(self) -> None:
        reason = (self._reason.value or "").replace("\x00", "").strip()
        if not reason:
            self._complain("Say why: it is recorded with what you do.")
            return
        if self._typed is not None and (self._typed.value or "").strip() != self._question.confirm:
            self._complain("What you typed is not what this is about.")
            return
        self._button.props("loading")
        try:
            result = await self._change(await self._page.operator(reason))
        except Exception as error:  # noqa: BLE001  the operator is told, whatever it is
            self._complain(error_text(error))
            return
        finally:
            self._button.props(remove="loading")
        self._dialog.close()
        kind = _NOTIFICATIONS[result.tone]
        ui.notify(result.message, type=kind, position="top", timeout=6000, multi_line=True)
        if self._then is not None:
            done = self._then()
            if isinstance(done, Awaitable):
                await done

    def _complain(self, message: str) -> None:
        redraw(self._complaint, lambda: notice(message, "bad", "error"))
