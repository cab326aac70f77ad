"""Dead letters: what was not understood, and what is to be done about it."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from api.console.components.async_panel import AsyncPanel
from api.console.components.formatting import exact_timestamp, number_text, timestamp_text
from api.console.components.page_frame import page_frame
from api.console.components.widgets import (
    Table,
    Tone,
    badge,
    box,
    button,
    empty_state,
    link,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext
from domain.operators.dead_letters.model import (
    DeadLetterPage,
    DeadLetterSummary,
    MessageKind,
    ResolutionResult,
    ResolvedBy,
)

A_PAGE = 50
KINDS: dict[MessageKind, str] = {
    "basket-event": "basket event",
    "catalogue-fact": "catalogue fact",
    "command": "command",
    "order": "order",
    "verdict": "verdict",
    "unknown": "unknown",
}
SETTLED: dict[ResolvedBy, tuple[str, Tone]] = {
    "retried": ("retried", "good"),
    "skipped": ("skipped", "warn"),
    "released": ("released", "good"),
}
RESULTS: dict[str, Tone] = {"done": "good", "failed": "bad", "waits": "warn", "busy": "warn"}


def register(console: ConsoleContext) -> None:
    @ui.page("/dead-letters")
    def letters(settled: bool = False) -> None:
        visit = console.visit()
        sub = "Messages that were not understood. Later ones of the same basket wait for them; other baskets go on."
        with page_frame(visit, "Dead letters", "/dead-letters", sub) as heading:
            with heading.deeds:
                button("Waiting", lambda: ui.navigate.to("/dead-letters"), kind=_kind(not settled))
                button("Settled", lambda: ui.navigate.to("/dead-letters?settled=true"), kind=_kind(settled))
            with panel(
                "Settled" if settled else "Waiting",
                "in the order in which they were buried",
                marker="letters",
            ):
                found = _Found(console, settled=settled)
                AsyncPanel(found.page, found.show, lines=8)


def _kind(chosen: bool) -> str:
    return "main-deed" if chosen else "deed"


class _Found:
    """The pages that were read, one below the other."""

    def __init__(self, console: ConsoleContext, *, settled: bool) -> None:
        self._letters = console.parts.dead_letter_service
        self._settled = settled
        self._cursor: str | None = None

    async def page(self) -> DeadLetterPage:
        return await self._letters.list(self._cursor, A_PAGE, self._settled)

    def show(self, page: DeadLetterPage) -> None:
        if not page.letters and self._settled:
            empty_state("mark_email_read", "Nothing was settled yet")
            return
        if not page.letters:
            empty_state("mark_email_read", "No dead letter waits", "Every message that came was understood.")
            return
        self._table = Table(
            ("Letter", "lead tight"),
            ("About", ""),
            ("Why it was buried", ""),
            ("Buried", "tight"),
            ("Tried", "number"),
            ("", "tight"),
            name="Dead letters",
        )
        self._foot = box("body line")
        self._add(page)

    async def _more(self) -> None:
        self._add(await self.page())

    def _add(self, page: DeadLetterPage) -> None:
        for letter in page.letters:
            _row(self._table, letter)
        self._cursor = page.next_cursor
        self._foot.clear()
        self._foot.set_visibility(page.next_cursor is not None)
        if page.next_cursor is not None:
            with self._foot:
                button("Show more", self._more)


def _row(table: Table, letter: DeadLetterSummary) -> None:
    row = table.row(
        partial(link, f"No. {letter.id}", f"/dead-letters/{letter.id}", "strong nowrap"),
        partial(_about, letter),
        partial(_why, letter),
        partial(
            safe_text, timestamp_text(letter.recorded_at), "nowrap", title=exact_timestamp(letter.recorded_at)
        ),
        number_text(letter.tries) if letter.tries else None,
        partial(_standing, letter),
    )
    row.props["data-letter"] = str(letter.id)


def _about(letter: DeadLetterSummary) -> None:
    with box():
        safe_text(KINDS[letter.kind], tag="div")
        if letter.basket_id is not None:
            link(letter.basket_id, f"/baskets/{letter.basket_id}", "mono small")
        safe_text(f"{letter.topic} · {letter.partition} · {letter.offset}", "soft small", tag="div")


def _why(letter: DeadLetterSummary) -> None:
    with box():
        safe_text(letter.code, "mono strong", tag="div")
        safe_text(letter.last_error or letter.error, "soft small", tag="div")


def _standing(letter: DeadLetterSummary) -> None:
    if letter.settled_by is not None:
        badge(*SETTLED[letter.settled_by])
    elif letter.parks:
        badge("parks its basket", "bad")
    else:
        badge("waits", "warn")


def tone_of(outcome: ResolutionResult) -> Tone:
    return RESULTS.get(outcome.result, "")
