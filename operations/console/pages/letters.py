"""Dead letters: what was not understood, and what is to be done about it."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from domain.operating.dead_letters import Kind, Letter, LetterPage, Outcome, Settlement
from operations.console.look.frame import frame
from operations.console.look.places import Place
from operations.console.look.telling import exactly, moment, number
from operations.console.look.things import Table, Tone, badge, box, button, link, nothing, panel, words
from operations.console.visit import Console

A_PAGE = 50
KINDS: dict[Kind, str] = {
    "basket-event": "basket event",
    "catalogue-fact": "catalogue fact",
    "command": "command",
    "order": "order",
    "verdict": "verdict",
    "unknown": "unknown",
}
SETTLED: dict[Settlement, tuple[str, Tone]] = {
    "retried": ("retried", "good"),
    "skipped": ("skipped", "warn"),
    "released": ("released", "good"),
}
RESULTS: dict[str, Tone] = {"done": "good", "failed": "bad", "waits": "warn", "busy": "warn"}


def register(console: Console) -> None:
    @ui.page("/dead-letters")
    def letters(settled: bool = False) -> None:
        visit = console.visit()
        sub = "Messages that were not understood. Later ones of the same basket wait for them; other baskets go on."
        with frame(visit, "Dead letters", "/dead-letters", sub) as heading:
            with heading.deeds:
                button("Waiting", lambda: ui.navigate.to("/dead-letters"), kind=_kind(not settled))
                button("Settled", lambda: ui.navigate.to("/dead-letters?settled=true"), kind=_kind(settled))
            with panel(
                "Settled" if settled else "Waiting",
                "in the order in which they were buried",
                marker="letters",
            ):
                found = _Found(console, settled=settled)
                Place(found.page, found.show, lines=8)


def _kind(chosen: bool) -> str:
    return "main-deed" if chosen else "deed"


class _Found:
    """The pages that were read, one below the other."""

    def __init__(self, console: Console, *, settled: bool) -> None:
        self._letters = console.parts.dead_letter_box
        self._settled = settled
        self._cursor: str | None = None

    async def page(self) -> LetterPage:
        return await self._letters.list(self._cursor, A_PAGE, self._settled)

    def show(self, page: LetterPage) -> None:
        if not page.letters and self._settled:
            nothing("mark_email_read", "Nothing was settled yet")
            return
        if not page.letters:
            nothing("mark_email_read", "No dead letter waits", "Every message that came was understood.")
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

    def _add(self, page: LetterPage) -> None:
        for letter in page.letters:
            _row(self._table, letter)
        self._cursor = page.next_cursor
        self._foot.clear()
        self._foot.set_visibility(page.next_cursor is not None)
        if page.next_cursor is not None:
            with self._foot:
                button("Show more", self._more)


def _row(table: Table, letter: Letter) -> None:
    row = table.row(
        partial(link, f"No. {letter.id}", f"/dead-letters/{letter.id}", "strong nowrap"),
        partial(_about, letter),
        partial(_why, letter),
        partial(words, moment(letter.recorded_at), "nowrap", title=exactly(letter.recorded_at)),
        number(letter.tries) if letter.tries else None,
        partial(_standing, letter),
    )
    row.props["data-letter"] = str(letter.id)


def _about(letter: Letter) -> None:
    with box():
        words(KINDS[letter.kind], tag="div")
        if letter.basket_id is not None:
            link(letter.basket_id, f"/baskets/{letter.basket_id}", "mono small")
        words(f"{letter.topic} · {letter.partition} · {letter.offset}", "soft small", tag="div")


def _why(letter: Letter) -> None:
    with box():
        words(letter.code, "mono strong", tag="div")
        words(letter.last_error or letter.error, "soft small", tag="div")


def _standing(letter: Letter) -> None:
    if letter.settled_by is not None:
        badge(*SETTLED[letter.settled_by])
    elif letter.parks:
        badge("parks its basket", "bad")
    else:
        badge("waits", "warn")


def tone_of(outcome: Outcome) -> Tone:
    return RESULTS.get(outcome.result, "")
