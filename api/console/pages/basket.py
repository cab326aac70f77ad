"""A basket: every event of it, and the basket as it was at each version with the differences marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from api.console.basket_diff_view import mark_differences
from api.console.components.async_panel import AsyncPanel, error_text
from api.console.components.basket_view import draw_basket_diff, draw_facts, draw_lines
from api.console.components.formatting import count_text, exact_timestamp, timestamp_text
from api.console.components.page_frame import PageHeading, page_frame
from api.console.components.timeline import Timeline, draw_verdicts
from api.console.components.widgets import (
    badge,
    box,
    copy_button,
    icon_button,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext, PageContext
from api.console.pages.basket_actions import offer_basket_actions
from api.console.pages.search import STATUSES, require_basket_id
from domain.operators.history.as_of import HistoryEntry
from domain.operators.history.basket_diff import FieldDifference, diff_baskets
from domain.operators.history.basket_json import Document, basket_json
from domain.operators.history.verdict_reader import VerdictSummary, verdict_summaries
from domain.shared.errors import CheckoutError

FOLLOW_EVERY = 5.0
BEFORE = "the version before"


def register(console: ConsoleContext) -> None:
    @ui.page("/baskets/{basket_id}")
    def basket(basket_id: str, version: int | None = None) -> None:
        visit = console.visit()
        with page_frame(visit, basket_id, "/baskets", trail=("Baskets", "/baskets")) as heading:
            page = _BasketPage(visit, basket_id, heading, version)
            AsyncPanel(page.read, page.draw, lines=10)


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
    differences: Sequence[FieldDifference] = field(default=())


class _BasketPage:
    def __init__(self, visit: PageContext, basket_id: str, heading: PageHeading, version: int | None) -> None:
        self._visit = visit
        self._histories = visit.parts.basket_history
        self._id = basket_id
        self._heading = heading
        self._entries: list[HistoryEntry] = []
        self._verdicts: dict[int, VerdictSummary] = {}
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
                    self._place = AsyncPanel(
                        self._read_shown, self._draw_shown, lines=8, classes="stack shown"
                    )
                    with panel("Verdicts", "what was found, and what it rests on", marker="verdicts"):
                        self._verdict_rows = box()
                with panel("History", count_text(last, "event"), marker="history"):
                    self._timeline = Timeline(self._id, self._go)
        self._draw_history()
        self._tell_stand()
        with self._heading.deeds:
            offer_basket_actions(self._visit, self._id, self._follow)
        ui.timer(FOLLOW_EVERY, self._follow)

    def _take(self, entries: Sequence[HistoryEntry]) -> None:
        self._entries += entries
        self._verdicts |= {verdict.version: verdict for verdict in verdict_summaries(entries)}

    def _draw_history(self) -> None:
        self._timeline.draw(self._entries, self._verdicts)
        self._timeline.mark(self._stand.version)
        self._verdict_rows.clear()
        with self._verdict_rows:
            draw_verdicts(self._id, [*self._verdicts.values()])

    def _draw_stand(self, last: int) -> None:
        with box("stand-row"):
            icon_button("chevron_left", lambda: self._go(self._stand.version - 1), "One version back")
            self._slider = ui.slider(
                min=1, max=max(last, 1), step=1, value=self._stand.version, on_change=self._slid
            )
            self._slider.props("snap label markers" if last <= 40 else "snap label")
            self._slider.props["aria-label"] = "Version"
            icon_button("chevron_right", lambda: self._go(self._stand.version + 1), "One version on")
        with box("stand-said"):
            with box():
                with box("line"):
                    self._at = safe_text("", "strong")
                    self._when = safe_text("", "soft")
                self._what = safe_text("", tag="div")
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
        self._when.set_text(f"{timestamp_text(at)} UTC")
        self._when.props["title"] = exact_timestamp(at)
        self._what.tell(entry.words)

    async def _read_shown(self) -> _Shown:
        stand = _Stand(self._stand.version, self._stand.against)
        now = (await self._histories.at_version(self._id, stand.version)).basket
        if stand.before is None:
            return _Shown(stand, basket_json(now), None)
        before = (await self._histories.at_version(self._id, stand.before)).basket
        return _Shown(stand, basket_json(now), basket_json(before), diff_baskets(before, now))

    def _draw_shown(self, shown: _Shown) -> None:
        status, tone = STATUSES[shown.now["status"]]
        basket = mark_differences(shown.before, shown.now)
        note = f"beside version {shown.stand.before}" if shown.stand.before else "its first version"
        lines = count_text(len(shown.now["orderItems"]), "line")
        with panel(f"Basket at version {shown.stand.version}", f"{lines}; {note}", marker="basket") as deeds:
            with deeds:
                badge(status, tone)
            with box("body underlined"):
                draw_facts(basket)
            draw_lines(basket)
        with panel("What differs", note, marker="differences"), box("body"):
            draw_basket_diff(shown.differences, compared=shown.before is not None)

    async def _follow(self) -> None:
        """Takes up what happens meanwhile; who stands at the newest version goes along."""
        try:
            newer = await self._histories.entries(self._id, self._entries[-1].version)
        except CheckoutError as error:
            ui.notify(error_text(error), type="warning")
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
