"""One dead letter, to be retried or skipped."""

from __future__ import annotations

from functools import partial

from nicegui import ui
from pydantic_core import from_json

from api.console.components.async_panel import AsyncPanel
from api.console.components.page_frame import PageHeading, page_frame
from api.console.components.reason_dialog import DialogResult, ReasonQuestion, ask_reason
from api.console.components.widgets import (
    badge,
    box,
    button,
    code,
    count_text,
    definition_list,
    empty_state,
    link,
    notice,
    panel,
    safe_text,
    time_text,
)
from api.console.page_context import ConsoleContext, PageContext
from api.console.pages.dead_letters import KINDS, SETTLED, result_tone
from domain.operators.audit import Operator
from domain.operators.dead_letters.model import DeadLetterDetails, DeadLetterSummary, ReadableContent
from domain.shared.formatting import format_date_time


def register(console: ConsoleContext) -> None:
    @ui.page("/dead-letters/{letter_id}")
    def letter(letter_id: int) -> None:
        page = console.page()
        parent = ("Dead letters", "/dead-letters")
        with page_frame(page, f"Dead letter {letter_id}", "/dead-letters", parent=parent) as heading:
            _LetterPage(page, letter_id, heading)


class _LetterPage:
    def __init__(self, page: PageContext, id: int, heading: PageHeading) -> None:
        self._page = page
        self._service = page.container.dead_letter_service
        self._id = id
        self._heading = heading
        self._panel = AsyncPanel(partial(self._service.show, id), self._draw, lines=9)

    def _draw(self, details: DeadLetterDetails) -> None:
        letter = details.letter
        self._heading.actions.clear()
        if letter.settled_at is None:
            with self._heading.actions:
                button("Skip …", partial(self._ask_to_skip, details), symbol="redo")
                button("Retry …", partial(self._ask_to_retry, details), kind="primary", symbol="replay")
        with box("stack"):
            _draw_state(details)
            with box("pair"):
                with panel("Reason", marker="why"), box("body"):
                    _draw_reason(letter)
                with panel("What can be done", marker="plan"), box("body"):
                    definition_list([("A retry", details.retry), ("A skip", details.skip)])
            with panel("Message", "as it came", marker="message"), box("body stack"):
                _draw_message(details)

    def _ask_to_retry(self, details: DeadLetterDetails) -> None:
        explanation = f"What will be done: {details.retry}."
        question = ReasonQuestion(f"Retry letter {self._id}", explanation, "Retry")
        ask_reason(self._page, question, self._retry, self._panel.refresh)

    def _ask_to_skip(self, details: DeadLetterDetails) -> None:
        explanation = f"What will be done: {details.skip}."
        question = ReasonQuestion(f"Skip letter {self._id}", explanation, "Skip", danger=True)
        ask_reason(self._page, question, self._skip, self._panel.refresh)

    async def _retry(self, operator: Operator) -> DialogResult:
        result = await self._service.retry(self._id, operator)
        return DialogResult(result.words, result_tone(result))

    async def _skip(self, operator: Operator) -> DialogResult:
        result = await self._service.skip(self._id, operator)
        return DialogResult(result.words, result_tone(result))


def _draw_state(details: DeadLetterDetails) -> None:
    letter = details.letter
    if letter.settled_by is not None:
        label, tone = SETTLED[letter.settled_by]
        notice(f"Settled: {label} at {format_date_time(letter.settled_at)} UTC.", tone, "mark_email_read")
    elif details.waits_for is not None:
        with notice("An earlier letter of the same basket comes first.", "warn", "low_priority"):
            link(f"Letter {details.waits_for}", f"/dead-letters/{details.waits_for}")
    elif letter.parks:
        notice("The basket's view waits for this letter to be settled.", "bad", "pause_circle")
    else:
        notice("It waits for an operator to retry or skip it.", "warn", "mark_email_unread")


def _draw_reason(letter: DeadLetterSummary) -> None:
    basket = letter.basket_id and partial(link, letter.basket_id, f"/baskets/{letter.basket_id}", "mono")
    last_try = f"{count_text(letter.tries, 'time')}, last {format_date_time(letter.tried_at)} UTC"
    definition_list(
        [
            ("Kind", KINDS[letter.kind]),
            ("Code", partial(safe_text, letter.code, "mono")),
            ("Error", letter.error),
            ("Basket", basket),
            ("Dead since", partial(time_text, letter.recorded_at, "", unit=" UTC")),
            ("Tried", last_try if letter.tries else "never"),
            ("Last error", letter.last_error and partial(safe_text, letter.last_error, "bad-ink")),
        ]
    )


def _draw_message(details: DeadLetterDetails) -> None:
    letter = details.letter
    definition_list(
        [
            ("Topic", partial(safe_text, letter.topic, "mono")),
            ("Partition", letter.partition),
            ("Offset", letter.offset),
            ("Key", partial(_draw_content, details.key)),
        ]
    )
    if details.headers:
        safe_text("Headers", "soft small", tag="div")
        definition_list([(header.name, partial(_draw_content, header.value)) for header in details.headers])
    safe_text("Value", "soft small", tag="div")
    if details.value is None:
        empty_state("hourglass_empty", "It had no value")
    else:
        code(_pretty(details.value))


def _draw_content(content: ReadableContent | None) -> None:
    if content is None:
        safe_text("none", "soft")
        return
    with box("line"):
        safe_text(content.text, "mono")
        if content.encoding == "base64":
            badge("base 64")


def _pretty(content: ReadableContent) -> object:
    """Parsed where it is JSON, so that it is shown indented; else the text."""
    if content.encoding == "base64":
        return content.text
    try:
        return from_json(content.text)
    except ValueError:
        return content.text
