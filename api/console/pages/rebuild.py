"""One rebuild: its progress, its actions (cancel, resume, give up), and the differences that it found."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from adapters.rebuild_launcher import RebuildRequest, launch_rebuild
from api.console.components.async_panel import AsyncPanel
from api.console.components.page_frame import PageHeading, page_frame
from api.console.components.reason_dialog import Change, DialogResult, ReasonQuestion, ask_reason
from api.console.components.rebuild_view import (
    TARGETS,
    RebuildProgress,
    elapsed_text,
    is_running,
    scope_text,
    state_badge,
)
from api.console.components.tables import Table
from api.console.components.widgets import (
    badge,
    box,
    button,
    definition_list,
    empty_state,
    link,
    notice,
    panel,
    safe_text,
    time_text,
)
from api.console.page_context import ConsoleContext, PageContext
from domain.operators.audit import Operator
from domain.operators.rebuild import RESUMABLE_STATES, Rebuild, RebuildComparison, RowDifferenceKind
from domain.shared.formatting import format_number

POLL_SECONDS = 0.5
KINDS: dict[RowDifferenceKind, str] = {
    "differs": "differs",
    "missing": "missing",
    "surplus": "surplus",
    "unfoldable": "cannot be folded",
    "stale": "stale",
    "live_behind": "live row behind",
    "live_ahead": "live row ahead",
}


def register(console: ConsoleContext) -> None:
    @ui.page("/rebuilds/{rebuild_id}")
    def rebuild(rebuild_id: str) -> None:
        page = console.page()
        with page_frame(page, "Rebuild", "/rebuilds", parent=("Rebuilds", "/rebuilds")) as heading:
            _RebuildPage(page, rebuild_id, heading)


class _RebuildPage:
    """Drawn whole when the state changes. In between only the progress is updated."""

    def __init__(self, page: PageContext, id: str, heading: PageHeading) -> None:
        self._page = page
        self._rebuilds = page.container.rebuilds
        self._id = id
        self._heading = heading
        self._drawn: object = None
        self._progress: RebuildProgress | None = None
        self._panel = AsyncPanel(partial(self._rebuilds.find, id), self._draw, lines=6)
        self._timer = ui.timer(POLL_SECONDS, self._poll, active=False)

    async def _poll(self) -> None:
        rebuild = await self._rebuilds.find(self._id)
        if rebuild is None:
            return
        if _state(rebuild) != self._drawn:
            await self._panel.refresh()
        elif self._progress is not None:
            self._progress.show(rebuild)

    def _draw(self, rebuild: Rebuild | None) -> None:
        if rebuild is None:
            empty_state("sync", "There is no such rebuild")
            return
        self._drawn = _state(rebuild)
        self._timer.active = True
        self._draw_actions(rebuild)
        with box("stack"):
            if rebuild.error is not None:
                notice(rebuild.error, "bad", "error")
            if rebuild.interrupted:
                notice("No process works on it: it waits to be resumed or given up.", "warn", "pause_circle")
            with panel(TARGETS[rebuild.target], scope_text(rebuild.scope), marker="progress") as actions:
                with actions:
                    state_badge(rebuild)
                with box("body"):
                    self._progress = RebuildProgress()
                    self._progress.show(rebuild)
            with box("pair"):
                with panel("About it", marker="about"), box("body"):
                    _draw_details(rebuild)
                with panel("Compared with the live rows", marker="comparison"), box("body"):
                    _draw_comparison(rebuild.comparison)
            if rebuild.comparison is not None and rebuild.comparison.samples:
                with panel("Some of what differs", marker="samples"):
                    _draw_samples(rebuild.comparison)

    def _draw_actions(self, rebuild: Rebuild) -> None:
        self._heading.actions.clear()
        with self._heading.actions:
            if is_running(rebuild):
                cancel = button("Cancel …", self._ask_to_cancel, kind="secondary danger", symbol="stop")
                cancel.set_enabled(not rebuild.cancel_requested)
            elif rebuild.state in RESUMABLE_STATES and rebuild.scope.everything and not rebuild.dry_run:
                give_up = partial(self._ask_to_abandon, rebuild)
                button("Give up …", give_up, kind="secondary danger", symbol="delete")
                resume = partial(self._ask_to_resume, rebuild)
                button("Resume …", resume, kind="primary", symbol="play_arrow")

    def _ask(self, question: ReasonQuestion, change: Change) -> None:
        ask_reason(self._page, question, change, self._panel.refresh)

    def _ask_to_cancel(self) -> None:
        async def cancel(operator: Operator) -> DialogResult:
            if await self._rebuilds.request_cancel(self._id, operator):
                return DialogResult("It is asked to stop.", "info")
            return DialogResult("It does not run any more.", "warn")

        explanation = "It stops within moments. The live tables are unchanged, and it can be resumed."
        self._ask(ReasonQuestion("Cancel this rebuild", explanation, "Cancel it", danger=True), cancel)

    def _ask_to_resume(self, rebuild: Rebuild) -> None:
        async def resume(operator: Operator) -> DialogResult:
            request = RebuildRequest(target=rebuild.target, resume=True)
            await launch_rebuild(self._page.container.settings, self._rebuilds, request, operator)
            return DialogResult("It goes on, as a process of its own.", "info")

        explanation = "It goes on where it stopped. Finished parts are not done again."
        self._ask(ReasonQuestion("Resume this rebuild", explanation, "Resume"), resume)

    def _ask_to_abandon(self, rebuild: Rebuild) -> None:
        async def abandon(operator: Operator) -> DialogResult:
            await self._rebuilds.abandon(rebuild.target, operator)
            return DialogResult("It is given up, and its tables are dropped.")

        explanation = "Its tables are dropped, and it cannot be resumed. The live tables are unchanged."
        self._ask(ReasonQuestion("Give up this rebuild", explanation, "Give up", danger=True), abandon)


def _state(rebuild: Rebuild) -> object:
    """The page is drawn again when this changes."""
    return (rebuild.state, rebuild.interrupted, rebuild.cancel_requested, rebuild.error, rebuild.comparison)


def _draw_details(rebuild: Rebuild) -> None:
    operator = rebuild.operator
    definition_list(
        [
            ("Started", partial(time_text, rebuild.started_at, "", unit=" UTC")),
            ("Took" if rebuild.ended_at else "Runs for", elapsed_text(rebuild)),
            ("Changes", "nothing: a dry run" if rebuild.dry_run else "the live tables"),
            ("Processes", rebuild.workers),
            ("Rows made", format_number(rebuild.rows)),
            ("By", f"{operator.actor}, by {operator.way.replace('-', ' ')}"),
            ("Why", operator.reason),
            ("Id", partial(safe_text, rebuild.id, "mono")),
        ]
    )


def _draw_comparison(comparison: RebuildComparison | None) -> None:
    if comparison is None:
        empty_state("compare_arrows", "Not compared yet")
        return
    with box("stack"):
        if comparison.faults:
            notice(f"{format_number(comparison.faults)} rows were wrong.", "bad", "error")
        else:
            notice("No row was wrong.", "good", "check_circle")
        counts = {title.capitalize(): getattr(comparison, name) for name, title in KINDS.items()}
        definition_list(
            [
                ("The same", format_number(comparison.same)),
                *((title, format_number(count)) for title, count in counts.items() if count),
            ]
        )


def _draw_samples(comparison: RebuildComparison) -> None:
    table = Table(("About", "lead"), ("Kind", "tight"), ("What", ""), name="Differences")
    for sample in comparison.samples:
        is_basket = sample.subject.startswith("basket-")
        subject = partial(link, sample.subject, f"/baskets/{sample.subject}", "mono")
        table.row(
            subject if is_basket else partial(safe_text, sample.subject, "mono"),
            partial(badge, KINDS[sample.kind], "warn" if sample.kind.startswith("live") else "bad"),
            sample.words,
        )
