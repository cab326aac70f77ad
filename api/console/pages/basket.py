"""One basket: its events, and the basket at each version with the differences marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from api.console.basket_diff_view import MarkedBasket, mark_differences
from api.console.components.async_panel import AsyncPanel, error_text
from api.console.components.basket_view import draw_basket_diff, draw_facts, draw_lines
from api.console.components.page_frame import PageHeading, page_frame
from api.console.components.promise_view import draw_promise
from api.console.components.remedy_view import draw_remedy
from api.console.components.timeline import Timeline, draw_verdicts
from api.console.components.widgets import badge, box, copy_button, count_text, icon_button, panel, redraw, safe_text
from api.console.page_context import ConsoleContext, PageContext
from api.console.pages.basket_actions import offer_basket_actions
from api.console.pages.search import STATUSES, require_basket_id
from domain.operators.history.as_of import HistoryEntry
from domain.operators.history.basket_diff import FieldDifference, diff_baskets
from domain.operators.history.basket_json import Document, basket_json
from domain.operators.history.verdict_reader import VerdictSummary, verdict_summaries
from domain.shared.errors import CheckoutError
from domain.shared.formatting import format_date_time, format_time

FOLLOW_SECONDS = 5.0
PREVIOUS = "the version before"


def register(console: ConsoleContext) -> None:
    @ui.page("/baskets/{basket_id}")
    def basket(basket_id: str, version: int | None = None) -> None:
        page = console.page()
        with page_frame(page, basket_id, "/baskets", parent=("Baskets", "/baskets")) as heading:
            content = _BasketPage(page, basket_id, heading, version or 0)
            AsyncPanel(content.read, content.draw, lines=10)


@dataclass
class _Comparison:
    """The basket at a version, beside another (None: there is none)."""

    version: int
    other: int | None
    now: Document
    marked: MarkedBasket
    differences: Sequence[FieldDifference]


class _BasketPage:
    def __init__(self, page: PageContext, basket_id: str, heading: PageHeading, version: int) -> None:
        self._page = page
        self._history = page.container.basket_history
        self._id = basket_id
        self._heading = heading
        self._entries: list[HistoryEntry] = []
        self._verdicts: dict[int, VerdictSummary] = {}
        self._version = version
        """0: the last."""
        self._other: int | None = None
        """The version to compare with; None: the version before."""

    async def read(self) -> Sequence[HistoryEntry]:
        require_basket_id(self._id)
        return await self._history.entries(self._id)

    def draw(self, entries: Sequence[HistoryEntry]) -> None:
        self._add(entries)
        last = self._last
        self._version = min(max(self._version or last, 1), last)
        with box("stack"):
            with self._heading.actions:
                copy_button(self._id, "the basket's id")
            with panel("Version", marker="stand"), box("body version-picker"):
                self._draw_version_picker(last)
            with box("split"):
                with box("stack"):
                    self._shown = AsyncPanel(self._compare, self._draw_comparison, lines=8, classes="stack shown")
                    self._last_verdict = box("stack")
                    with panel("Verdicts", "what was found, and what it rests on", marker="verdicts"):
                        self._verdict_rows = box()
                with panel("History", count_text(last, "event"), marker="history"):
                    self._timeline = Timeline(self._id, self._go_to)
        self._draw_history()
        self._show_version()
        with self._heading.actions:
            offer_basket_actions(self._page, self._id, self._follow)
        ui.timer(FOLLOW_SECONDS, self._follow)

    @property
    def _last(self) -> int:
        return self._entries[-1].version

    def _add(self, entries: Sequence[HistoryEntry]) -> None:
        self._entries += entries
        self._verdicts |= {verdict.version: verdict for verdict in verdict_summaries(entries)}

    def _draw_history(self) -> None:
        self._timeline.draw(self._entries, self._verdicts)
        self._timeline.mark(self._version)
        redraw(self._verdict_rows, lambda: draw_verdicts(self._id, [*self._verdicts.values()]))
        redraw(self._last_verdict, self._draw_last_verdict)

    def _draw_last_verdict(self) -> None:
        """What the last verdict gives its caller."""
        last = max(self._verdicts.values(), key=lambda verdict: verdict.version, default=None)
        if last is not None:
            draw_remedy(self._page, self._id, last, last_version=self._last)
            if last.promise is not None:
                draw_promise(last.promise)

    def _draw_version_picker(self, last: int) -> None:
        with box("version-row"):
            icon_button("chevron_left", lambda: self._go_to(self._version - 1), "One version back")
            self._slider = ui.slider(min=1, max=max(last, 1), step=1, value=self._version, on_change=self._slider_moved)
            self._slider.props("snap label markers" if last <= 40 else "snap label")
            self._slider.props["aria-label"] = "Version"
            icon_button("chevron_right", lambda: self._go_to(self._version + 1), "One version on")
        with box("version-note"):
            with box():
                with box("line"):
                    self._title = safe_text("", "strong")
                    self._time = safe_text("", "soft")
                self._event = safe_text("", tag="div")
            self._select = ui.select(
                self._choices(last), value=PREVIOUS, label="Compared with", on_change=self._other_chosen
            ).props("outlined dense options-dense")

    def _choices(self, last: int) -> dict[int | str, str]:
        return {PREVIOUS: PREVIOUS, **{version: f"version {version}" for version in range(last, 0, -1)}}

    async def _slider_moved(self, event: ValueChangeEventArguments[float | None]) -> None:
        if event.value is not None:
            await self._go_to(int(event.value))

    async def _go_to(self, version: int) -> None:
        if not 1 <= version <= self._last or version == self._version:
            return
        self._version = version
        self._slider.value = version
        self._show_version()
        self._timeline.mark(version)
        await self._shown.refresh()

    async def _other_chosen(self, event: ValueChangeEventArguments[int | str | None]) -> None:
        self._other = event.value if isinstance(event.value, int) else None
        await self._shown.refresh()

    def _show_version(self) -> None:
        entry = self._entries[self._version - self._entries[0].version]
        at = entry.occurred_at or entry.recorded_at
        self._title.set_text(f"Version {entry.version} of {self._last}")
        self._time.set_text(f"{format_date_time(at)} UTC")
        self._time.props["title"] = format_time(at, "auto")
        self._event.show(entry.words)

    async def _compare(self) -> _Comparison:
        version = self._version
        other = self._other if self._other is not None else version - 1
        now = (await self._history.at_version(self._id, version)).basket
        document = basket_json(now)
        if other < 1 or other == version:
            return _Comparison(version, None, document, mark_differences(None, document), ())
        before = (await self._history.at_version(self._id, other)).basket
        marked = mark_differences(basket_json(before), document)
        return _Comparison(version, other, document, marked, diff_baskets(before, now))

    def _draw_comparison(self, shown: _Comparison) -> None:
        note = f"beside version {shown.other}" if shown.other else "its first version"
        lines = count_text(len(shown.now["orderItems"]), "line")
        with panel(f"Basket at version {shown.version}", f"{lines}; {note}", marker="basket") as actions:
            with actions:
                badge(*STATUSES[shown.now["status"]])
            with box("body underlined"):
                draw_facts(shown.marked)
            draw_lines(shown.marked)
        with panel("What differs", note, marker="differences"), box("body"):
            draw_basket_diff(shown.differences, compared=shown.other is not None)

    async def _follow(self) -> None:
        """Adds new events. A page that shows the newest version moves on with them."""
        try:
            newer = await self._history.entries(self._id, self._last)
        except CheckoutError as error:
            ui.notify(error_text(error), type="warning")
            return
        if not newer:
            return
        at_the_end = self._version == self._last
        self._add(newer)
        last = self._last
        self._slider.props["max"] = last
        self._select.set_options(self._choices(last), value=self._select.value)
        self._draw_history()
        self._show_version()
        if at_the_end:
            await self._go_to(last)
