"""The status of the service: its workers, their lag and their rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from nicegui import ui

from api.console.components.charts import Chart, Line
from api.console.components.page_frame import page_frame
from api.console.components.widgets import box, count_text, notice, panel, redraw, safe_text, skeleton
from api.console.components.worker_tables import draw_groups, draw_roles, draw_workers
from api.console.page_context import ConsoleContext
from api.console.status_history import SAMPLE_SECONDS, StatusHistory, StatusSample
from domain.operators.status.model import ServiceStatus
from domain.shared.formatting import NOTHING, format_duration, format_number


def register(console: ConsoleContext) -> None:
    @ui.page("/")
    def overview() -> None:
        with page_frame(console.page(), "Overview", "/") as heading:
            page = _Overview(console.status_history, heading.actions)
            ui.timer(SAMPLE_SECONDS, page.refresh)


class _Overview:
    """Drawn once. Each sample fills its figures, charts and tables again."""

    def __init__(self, history: StatusHistory, heading: ui.element) -> None:
        self._history = history
        with heading:
            self._as_of = safe_text("", "soft small")
        with box("stack"):
            self._alarms = box("stack")
            with box("figures"):
                self._stored = _Figure("Events stored")
                self._lag = _Figure("Longest lag")
                self._workers = _Figure("Workers")
                self._letters = _Figure("Dead letters")
            with box("pair"):
                note = "seconds that the oldest waiting event has waited"
                with panel("Lag", note, marker="lag"), box("body"):
                    self._lags = Chart("Lag of each worker in seconds")
                with panel("Throughput", "events a second", marker="throughput"), box("body"):
                    self._rates = Chart("Events a second")
            with panel("Workers", "one row for each process", marker="workers"):
                self._table = box()
                with self._table:
                    skeleton(6)
            with panel("Consumer groups", "how far order services have read", marker="groups"):
                self._groups = box()
                with self._groups:
                    skeleton(2)
            with panel("Roles", "what only one process does at a time", marker="roles"):
                self._roles = box()
                with self._roles:
                    skeleton(2)
        self.refresh()

    def refresh(self) -> None:
        history, status = self._history, self._history.status
        redraw(self._alarms, partial(_draw_alarms, status, unreadable=history.error is not None))
        if status is None or not history.samples:
            return
        self._as_of.set_text(f"as of {status.at:%H:%M:%S} UTC")
        self._show_figures(status, history.samples[-1])
        self._lags.draw(_lines(history, lambda sample: sample.lag_seconds))
        self._rates.draw({"stored": history.stored_rates(), **_lines(history, lambda sample: sample.rates)})
        redraw(self._table, partial(draw_workers, status))
        redraw(self._groups, partial(draw_groups, status))
        redraw(self._roles, partial(draw_roles, status))

    def _show_figures(self, status: ServiceStatus, sample: StatusSample) -> None:
        rates = self._history.stored_rates()
        self._stored.show(
            format_number(round(rates[-1][1])) if rates else NOTHING,
            "a second",
            f"{format_number(sample.end)} in all" if sample.end is not None else "",
        )
        longest = max(status.lags, key=lambda lag: lag.seconds or 0.0, default=None)
        if longest is None or not longest.seconds:
            self._lag.show("0", "s", "nothing waits")
        else:
            events = count_text(longest.events or 0, "event")
            trend = f", {longest.trend.replace('-', ' ')}" if longest.behind and longest.trend else ""
            note = f"{longest.worker}: {'at least ' if longest.at_least else ''}{events}{trend}"
            self._lag.show(format_duration(longest.seconds), "", note)
        present = status.current_workers
        vacant = [role.role for role in status.roles if not role.live]
        self._workers.show(
            str(sum(worker.live for worker in present)),
            f"of {len(present)} live",
            f"nobody holds {', '.join(vacant)}" if vacant else "every role is held",
        )
        waiting = self._history.dead_letters
        self._letters.show(format_number(waiting), "waiting", "need an operator" if waiting else "nobody needs to act")


def _draw_alarms(status: ServiceStatus | None, *, unreadable: bool) -> None:
    if unreadable:
        notice("The status cannot be read at present. What is shown is older.", "bad", "cloud_off")
    if status and status.problems:
        notice(status.problems[0], "bad", "error", *status.problems[1:])
    if status and status.well and not unreadable:
        notice("All is well.", "good", "check_circle")


class _Figure:
    """One figure with its name, unit and note."""

    def __init__(self, name: str) -> None:
        with box("figure"):
            safe_text(name, "name", tag="div")
            with box("value"):
                self._value = safe_text(NOTHING)
                self._unit = safe_text("", tag="small")
            self._note = safe_text("\u00a0", "note", tag="div")

    def show(self, value: str, unit: str, note: str) -> None:
        self._value.set_text(value)
        self._unit.set_text(unit)
        self._note.set_text(note or "\u00a0")


def _lines(history: StatusHistory, values: Callable[[StatusSample], Mapping[str, float]]) -> dict[str, Line]:
    """One line for each worker."""
    names = dict.fromkeys(name for sample in history.samples for name in values(sample))
    return {
        name: [(sample.at, values(sample)[name]) for sample in history.samples if name in values(sample)]
        for name in names
    }
