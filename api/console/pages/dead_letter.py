"""One dead letter whole, to be retried or left out."""

from __future__ import annotations

from functools import partial

from nicegui import ui
from pydantic_core import from_json

from api.console.components.async_panel import AsyncPanel
from api.console.components.formatting import count_text, exact_timestamp, timestamp_text
from api.console.components.page_frame import PageHeading, page_frame
from api.console.components.reason_dialog import DialogResult, ReasonQuestion, ask_reason
from api.console.components.widgets import (
    badge,
    box,
    button,
    code,
    definition_list,
    empty_state,
    link,
    notice,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext, PageContext
from api.console.pages.dead_letters import KINDS, SETTLED, tone_of
from domain.operators.audit import Operator
from domain.operators.dead_letters.model import DeadLetterDetails, DeadLetterSummary, ReadableContent


def register(console: ConsoleContext) -> None:
    @ui.page("/dead-letters/{letter_id}")
    def letter(letter_id: int) -> None:
        visit = console.visit()
        trail = ("Dead letters", "/dead-letters")
        with page_frame(visit, f"Dead letter {letter_id}", "/dead-letters", trail=trail) as heading:
            _Page(visit, letter_id, heading)


class _Page:
    def __init__(self, visit: PageContext, id: int, heading: PageHeading) -> None:
        self._visit = visit
        self._letters = visit.parts.dead_letter_service
        self._id = id
        self._heading = heading
        self._place = AsyncPanel(partial(self._letters.show, id), self._draw, lines=9)

    def _draw(self, shown: DeadLetterDetails) -> None:
        letter = shown.letter
        self._heading.deeds.clear()
        if letter.settled_at is None:
            with self._heading.deeds:
                button("Skip …", partial(self._skip, shown), symbol="redo")
                button("Retry …", partial(self._retry, shown), kind="main-deed", symbol="replay")
        with box("stack"):
            _draw_standing(shown)
            with box("pair"):
                with panel("Why it was buried", marker="why"), box("body"):
                    _draw_why(letter)
                with panel("What can be done", marker="plan"), box("body"):
                    definition_list([("A retry", shown.retry), ("A skip", shown.skip)])
            with panel("Message", "as it came", marker="message"), box("body stack"):
                _draw_message(shown)

    def _retry(self, shown: DeadLetterDetails) -> None:
        question = ReasonQuestion(f"Retry letter {self._id}", f"What will be done: {shown.retry}.", "Retry")
        ask_reason(self._visit, question, self._do_retry, self._place.refresh)

    def _skip(self, shown: DeadLetterDetails) -> None:
        what = f"What will be done: {shown.skip}."
        question = ReasonQuestion(f"Skip letter {self._id}", what, "Skip", danger=True)
        ask_reason(self._visit, question, self._do_skip, self._place.refresh)

    async def _do_retry(self, operator: Operator) -> DialogResult:
        outcome = await self._letters.retry(self._id, operator)
        return DialogResult(outcome.words, tone_of(outcome))

    async def _do_skip(self, operator: Operator) -> DialogResult:
        outcome = await self._letters.skip(self._id, operator)
        return DialogResult(outcome.words, tone_of(outcome))


def _draw_standing(shown: DeadLetterDetails) -> None:
    letter = shown.letter
    if letter.settled_by is not None:
        said, tone = SETTLED[letter.settled_by]
        notice(f"Settled: {said} at {timestamp_text(letter.settled_at)} UTC.", tone, "mark_email_read")
    elif shown.waits_for is not None:
        with notice("An earlier letter of the same basket comes first.", "warn", "low_priority"):
            link(f"Letter {shown.waits_for}", f"/dead-letters/{shown.waits_for}")
    elif letter.parks:
        notice("The basket's view waits for this letter to be settled.", "bad", "pause_circle")
    else:
        notice("It waits for somebody to retry or skip it.", "warn", "mark_email_unread")


def _draw_why(letter: DeadLetterSummary) -> None:
    definition_list(
        [
            ("Kind", KINDS[letter.kind]),
            ("Code", partial(safe_text, letter.code, "mono")),
            ("In words", letter.error),
            (
                "Basket",
                partial(link, letter.basket_id, f"/baskets/{letter.basket_id}", "mono")
                if letter.basket_id
                else None,
            ),
            (
                "Buried",
                partial(
                    safe_text,
                    f"{timestamp_text(letter.recorded_at)} UTC",
                    title=exact_timestamp(letter.recorded_at),
                ),
            ),
            (
                "Tried",
                f"{count_text(letter.tries, 'time')}, last {timestamp_text(letter.tried_at)} UTC"
                if letter.tries
                else "never",
            ),
            ("Last error", partial(safe_text, letter.last_error, "bad-ink") if letter.last_error else None),
        ]
    )


def _draw_message(shown: DeadLetterDetails) -> None:
    letter = shown.letter
    definition_list(
        [
            ("Topic", partial(safe_text, letter.topic, "mono")),
            ("Partition", letter.partition),
            ("Offset", letter.offset),
            ("Key", partial(_draw_content, shown.key)),
        ]
    )
    if shown.headers:
        safe_text("Headers", "soft small", tag="div")
        definition_list([(header.name, partial(_draw_content, header.value)) for header in shown.headers])
    safe_text("Value", "soft small", tag="div")
    if shown.value is None:
        empty_state("hourglass_empty", "It had no value")
    else:
        code(_pretty(shown.value))


def _draw_content(content: ReadableContent | None) -> None:
    if content is None:
        safe_text("none", "soft")
        return
    with box("line"):
        safe_text(content.text, "mono")
        if content.encoding == "base64":
            badge("base 64")


def _pretty(content: ReadableContent) -> object:
    """JSON indented; everything else as it is."""
    if content.encoding == "base64":
        return content.text
    try:
        return from_json(content.text)
    except ValueError:
        return content.text
