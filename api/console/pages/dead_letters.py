"""Dead letters: messages that could not be processed and wait for an operator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui

from api.console.components.page_frame import page_frame
from api.console.components.tables import PagedTable, Table
from api.console.components.widgets import Tone, badge, box, button, empty_state, link, panel, safe_text, time_text
from api.console.page_context import ConsoleContext
from domain.operators.dead_letters.model import DeadLetterSummary, MessageKind, ResolutionResult, ResolvedBy
from domain.shared.formatting import format_number

PAGE_SIZE = 50
COLUMNS = (
    ("Letter", "lead tight"),
    ("About", ""),
    ("Reason", ""),
    ("Since", "tight"),
    ("Tried", "number"),
    ("", "tight"),
)
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
_RESULT_TONES: dict[str, Tone] = {"done": "good", "failed": "bad", "waits": "warn", "busy": "warn"}


def register(console: ConsoleContext) -> None:
    @ui.page("/dead-letters")
    def letters(settled: bool = False) -> None:
        subtitle = (
            "Messages that could not be processed. Later ones of the same basket wait for them; other baskets go on."
        )
        title = "Settled" if settled else "Waiting"
        with page_frame(console.page(), "Dead letters", "/dead-letters", subtitle) as heading:
            with heading.actions:
                for name, path in (("Waiting", "/dead-letters"), ("Settled", "/dead-letters?settled=true")):
                    kind = "primary" if name == title else "secondary"
                    button(name, partial(ui.navigate.to, path), kind=kind)
            with panel(title, "the oldest first", marker="letters"):
                empty = partial(_draw_empty, settled=settled)
                PagedTable(partial(read, settled), COLUMNS, _draw_row, empty, name="Dead letters")

    async def read(settled: bool, cursor: str | None) -> tuple[Sequence[DeadLetterSummary], str | None]:
        page = await console.container.dead_letter_service.list(cursor, PAGE_SIZE, settled)
        return page.letters, page.next_cursor


def _draw_empty(*, settled: bool) -> None:
    if settled:
        empty_state("mark_email_read", "Nothing was settled yet")
    else:
        empty_state("mark_email_read", "No dead letter waits", "Every message was processed.")


def _draw_row(table: Table, letter: DeadLetterSummary) -> None:
    row = table.row(
        partial(link, f"No. {letter.id}", f"/dead-letters/{letter.id}", "strong nowrap"),
        partial(_draw_message, letter),
        partial(_draw_reason, letter),
        partial(time_text, letter.recorded_at),
        format_number(letter.tries) if letter.tries else None,
        partial(_draw_state, letter),
    )
    row.props["data-letter"] = str(letter.id)


def _draw_message(letter: DeadLetterSummary) -> None:
    with box():
        safe_text(KINDS[letter.kind], tag="div")
        if letter.basket_id is not None:
            link(letter.basket_id, f"/baskets/{letter.basket_id}", "mono small")
        safe_text(f"{letter.topic} · {letter.partition} · {letter.offset}", "soft small", tag="div")


def _draw_reason(letter: DeadLetterSummary) -> None:
    with box():
        safe_text(letter.code, "mono strong", tag="div")
        safe_text(letter.last_error or letter.error, "soft small", tag="div")


def _draw_state(letter: DeadLetterSummary) -> None:
    if letter.settled_by is not None:
        badge(*SETTLED[letter.settled_by])
    elif letter.parks:
        badge("blocks its basket", "bad")
    else:
        badge("waits", "warn")


def result_tone(result: ResolutionResult) -> Tone:
    return _RESULT_TONES.get(result.result, "")
