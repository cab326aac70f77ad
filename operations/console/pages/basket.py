"""A basket: every event of it, and the basket as it was at each version with the differences marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from domain.errors import CheckoutError
from domain.operating.differing import Difference, differences
from domain.operating.history import HistoryEntry
from domain.operating.showing import Document, basket_document
from operations.console.look.frame import Heading, frame
from operations.console.look.places import Place, in_words
from operations.console.look.standing import draw_differences, draw_facts, draw_lines
from operations.console.look.telling import counted, exactly, moment
from operations.console.look.things import (
    badge,
    box,
    copy_button,
    panel,
    round_button,
    words,
)
from operations.console.look.timeline import Timeline, draw_verdicts
from operations.console.marked import marked
from operations.console.pages.basket_deeds import offer_deeds
from operations.console.pages.find import STATUSES, require_basket_id
from operations.console.visit import Console, Visit
from operations.judged import JudgedBasket, judgements

FOLLOW_EVERY = 5.0
BEFORE = "the version before"


def register(console: Console) -> None:
    @ui.page("/baskets/{basket_id}")
    def basket(basket_id: str, version: int | None = None) -> None:
        visit = console.visit()
        with frame(visit, basket_id, "/baskets", trail=("Baskets", "/baskets")) as heading:
            page = _BasketPage(visit, basket_id, heading, version)
            Place(page.read, page.draw, lines=10)


@dataclass
class _Stand:
    """Where one stands, and what it is compared with (None: the version before)."""

    version: int
    against: int | None = None

    @property
    def before(self) -> int | None:
        """The version that is compared with; None where there is none."""
        other = self.against if self.against is not None else self.version - 1
        return other if other >= 1 and other != self.version else None


@dataclass
class _Shown:
    """A basket at the stand, beside the other."""

    stand: _Stand
    now: Document
    before: Document | None
    differences: Sequence[Difference] = field(default=())


class _BasketPage:
    def __init__(self, visit: Visit, basket_id: str, heading: Heading, version: int | None) -> None:
        self._visit = visit
        self._histories = visit.parts.histories
        self._id = basket_id
        self._heading = heading
        self._entries: list[HistoryEntry] = []
        self._verdicts: dict[int, JudgedBasket] = {}
        self._stand = _Stand(version or 0)

    async def read(self) -> Sequence[HistoryEntry]:
        require_basket_id(self._id)
        return await self._histories.entries(self._id)

    def draw(self, entries: Sequence[HistoryEntry]) -> None:
        self._take(entries)
        last = self._entries[-1].version
        self._stand.version = min(max(self._stand.version or last, 1), last)
        with box("stack"):
            with self._heading.deeds:
                copy_button(self._id, "the basket's id")
            with panel("Version", marker="stand"), box("body stand"):
                self._draw_stand(last)
            with box("split"):
                with box("stack"):
                    self._place = Place(self._read_shown, self._draw_shown, lines=8, classes="stack shown")
                    with panel("Verdicts", "what was found, and what it rests on", marker="verdicts"):
                        self._verdict_rows = box()
                with panel("History", counted(last, "event"), marker="history"):
                    self._timeline = Timeline(self._id, self._go)
        self._draw_history()
        self._tell_stand()
        with self._heading.deeds:
            offer_deeds(self._visit, self._id, self._follow)
        ui.timer(FOLLOW_EVERY, self._follow)

    def _take(self, entries: Sequence[HistoryEntry]) -> None:
        self._entries += entries
        self._verdicts |= {verdict.version: verdict for verdict in judgements(entries)}

    def _draw_history(self) -> None:
        self._timeline.draw(self._entries, self._verdicts)
        self._timeline.mark(self._stand.version)
        self._verdict_rows.clear()
        with self._verdict_rows:
            draw_verdicts(self._id, [*self._verdicts.values()])

    def _draw_stand(self, last: int) -> None:
        with box("stand-row"):
            round_button("chevron_left", lambda: self._go(self._stand.version - 1), "One version back")
            self._slider = ui.slider(
                min=1, max=max(last, 1), step=1, value=self._stand.version, on_change=self._slid
            )
            self._slider.props("snap label markers" if last <= 40 else "snap label")
            self._slider.props["aria-label"] = "Version"
            round_button("chevron_right", lambda: self._go(self._stand.version + 1), "One version on")
        with box("stand-said"):
            with box():
                with box("line"):
                    self._at = words("", "strong")
                    self._when = words("", "soft")
                self._what = words("", tag="div")
            self._against = ui.select(
                self._choices(last), value=BEFORE, label="Compared with", on_change=self._compare
            ).props("outlined dense options-dense")

    def _choices(self, last: int) -> dict[int | str, str]:
        return {BEFORE: BEFORE, **{each: f"version {each}" for each in range(last, 0, -1)}}

    async def _slid(self, event: ValueChangeEventArguments[float | None]) -> None:
        if event.value is not None:
            await self._go(int(event.value))

    async def _go(self, version: int) -> None:
        if not 1 <= version <= self._entries[-1].version or version == self._stand.version:
            return
        self._stand.version = version
        self._slider.value = version
        self._tell_stand()
        self._timeline.mark(version)
        await self._place.refresh()

    async def _compare(self, event: ValueChangeEventArguments[int | str | None]) -> None:
        self._stand.against = event.value if isinstance(event.value, int) else None
        await self._place.refresh()

    def _tell_stand(self) -> None:
        entry = self._entries[self._stand.version - self._entries[0].version]
        at = entry.occurred_at or entry.recorded_at
        self._at.set_text(f"Version {entry.version} of {self._entries[-1].version}")
        self._when.set_text(f"{moment(at)} UTC")
        self._when.props["title"] = exactly(at)
        self._what.tell(entry.words)

    async def _read_shown(self) -> _Shown:
        stand = _Stand(self._stand.version, self._stand.against)
        now = await self._histories.at_version(self._id, stand.version)
        if stand.before is None:
            return _Shown(stand, basket_document(now), None)
        before = await self._histories.at_version(self._id, stand.before)
        return _Shown(stand, basket_document(now), basket_document(before), differences(before, now))

    def _draw_shown(self, shown: _Shown) -> None:
        status, tone = STATUSES[shown.now["status"]]
        basket = marked(shown.before, shown.now)
        note = f"beside version {shown.stand.before}" if shown.stand.before else "its first version"
        lines = counted(len(shown.now["orderItems"]), "line")
        with panel(f"Basket at version {shown.stand.version}", f"{lines}; {note}", marker="basket") as deeds:
            with deeds:
                badge(status, tone)
            with box("body underlined"):
                draw_facts(basket)
            draw_lines(basket)
        with panel("What differs", note, marker="differences"), box("body"):
            draw_differences(shown.differences, compared=shown.before is not None)

    async def _follow(self) -> None:
        """Takes up what happens meanwhile; who stands at the newest version goes along."""
        try:
            newer = await self._histories.entries(self._id, self._entries[-1].version)
        except CheckoutError as error:
            ui.notify(in_words(error), type="warning")
            return
        if not newer:
            return
        at_the_end = self._stand.version == self._entries[-1].version
        self._take(newer)
        last = self._entries[-1].version
        self._slider.props["max"] = last
        self._against.set_options(self._choices(last), value=self._against.value)
        self._draw_history()
        self._tell_stand()
        if at_the_end:
            await self._go(last)
