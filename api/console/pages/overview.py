"""How the service is: its workers, what waits for them, and how fast they go."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from api.console.components.charts import Chart, Line
from api.console.components.formatting import count_text, duration_text, number_text
from api.console.components.page_frame import page_frame
from api.console.components.widgets import (
    Draw,
    PrintableText,
    box,
    notice,
    panel,
    safe_text,
    skeleton,
)
from api.console.components.worker_tables import PAST, draw_roles, draw_workers
from api.console.page_context import ConsoleContext
from api.console.status_history import SAMPLE_SECONDS, StatusHistory, StatusSample
from domain.operators.status.model import ServiceStatus


def register(console: ConsoleContext) -> None:
    @ui.page("/")
    def overview() -> None:
        visit = console.visit()
        with page_frame(visit, "Overview", "/") as heading:
            page = _Overview(console.trend)
            with heading.deeds:
                page.as_of = safe_text("", "soft small")
            page.draw()
            ui.timer(SAMPLE_SECONDS, page.refresh)


class _Overview:
    """Drawn once; its figures, charts and tables are filled again with every look."""

    def __init__(self, trend: StatusHistory) -> None:
        self._trend = trend
        self.as_of: PrintableText | None = None

    def draw(self) -> None:
        with box("stack"):
            self._alarms = box("stack")
            with box("figures"):
                self._stored = _Figure("Events stored")
                self._lag = _Figure("Longest lag")
                self._workers = _Figure("Workers")
                self._letters = _Figure("Dead letters")
            with box("pair"):
                with (
                    panel("Lag", "seconds that the oldest waiting event has waited", marker="lag"),
                    box("body"),
                ):
                    self._lags = Chart("Lag of each worker in seconds", "s")
                with panel("Throughput", "events a second", marker="throughput"), box("body"):
                    self._rates = Chart("Events a second", "events/s")
            with panel("Workers", "one row for each process", marker="workers"):
                self._table = box()
                with self._table:
                    skeleton(6)
            with panel("Roles", "what only one process does at a time", marker="roles"):
                self._roles = box()
                with self._roles:
                    skeleton(2)
        self.refresh()

    def refresh(self) -> None:
        trend, status = self._trend, self._trend.status
        self._alarm(status)
        if status is None or not trend.looks:
            return
        if self.as_of is not None:
            self.as_of.set_text(f"as of {status.at:%H:%M:%S} UTC")
        self._fill_figures(status, trend.looks[-1])
        self._lags.draw(_lines(trend, "lag_seconds"))
        self._rates.draw({"stored": trend.stored_rates(), **_lines(trend, "rates")})
        _again(self._table, partial(draw_workers, status))
        _again(self._roles, partial(draw_roles, status))

    def _alarm(self, status: ServiceStatus | None) -> None:
        trouble = self._trend.trouble

        def draw() -> None:
            if trouble is not None:
                notice(
                    "The service's state cannot be read at present; what is shown is older.",
                    "bad",
                    "cloud_off",
                )
            if status and status.problems:
                notice(status.problems[0], "bad", "error", *status.problems[1:])
            if status and status.well and trouble is None:
                notice("All is well.", "good", "check_circle")

        _again(self._alarms, draw)

    def _fill_figures(self, status: ServiceStatus, look: StatusSample) -> None:
        rates = self._trend.stored_rates()
        self._stored.tell(
            number_text(round(rates[-1][1])) if rates else "–",
            "a second",
            f"{number_text(look.end)} in all" if look.end is not None else "",
        )
        longest = max(status.lags, key=lambda lag: lag.seconds or 0.0, default=None)
        if longest is None or not longest.seconds:
            self._lag.tell("0", "s", "nothing waits")
        else:
            more = "at least " if longest.at_least else ""
            trend = f", {longest.trend.replace('-', ' ')}" if longest.behind and longest.trend else ""
            self._lag.tell(
                duration_text(longest.seconds),
                "",
                f"{longest.worker}: {more}{count_text(longest.events or 0, 'event')}{trend}",
            )
        present = [each for each in status.workers if each.state not in PAST]
        live = sum(each.live for each in present)
        self._workers.tell(str(live), f"of {len(present)} live", _holders(status))
        waiting = self._trend.dead_letters
        self._letters.tell(
            number_text(waiting), "waiting", "nobody needs to act" if not waiting else "want a look"
        )


class _Figure:
    """One figure with its name."""

    def __init__(self, name: str) -> None:
        with box("figure"):
            safe_text(name, "name", tag="div")
            with box("value"):
                self._value = safe_text("–")
                self._unit = safe_text("", tag="small")
            self._note = safe_text("\u00a0", "note", tag="div")

    def tell(self, value: str, unit: str, note: str) -> None:
        self._value.set_text(value)
        self._unit.set_text(unit)
        self._note.set_text(note or "\u00a0")


def _again(place: ui.element, draw: Draw) -> None:
    place.clear()
    with place:
        draw()


def _lines(trend: StatusHistory, what: str) -> dict[str, Line]:
    names = dict.fromkeys(name for look in trend.looks for name in getattr(look, what))
    return {
        name: [(look.at, getattr(look, what)[name]) for look in trend.looks if name in getattr(look, what)]
        for name in names
    }


def _holders(status: ServiceStatus) -> str:
    free = [role.role for role in status.roles if not role.live]
    return f"nobody holds {', '.join(free)}" if free else "every role is held"
