"""One rebuild: how far it is, to be cancelled, gone on with or given up; and what differed."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from adapters.rebuild_launcher import RebuildRequest, launch_rebuild
from api.console.components.async_panel import AsyncPanel
from api.console.components.formatting import exact_timestamp, number_text, timestamp_text
from api.console.components.page_frame import PageHeading, page_frame
from api.console.components.reason_dialog import DialogResult, ReasonQuestion, ask_reason
from api.console.components.rebuild_view import (
    TARGETS,
    RebuildProgress,
    elapsed_text,
    is_running,
    scope_text,
    state_badge,
)
from api.console.components.widgets import (
    Table,
    badge,
    box,
    button,
    definition_list,
    empty_state,
    link,
    notice,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext, PageContext
from domain.operators.audit import Operator
from domain.operators.rebuild import (
    RESUMABLE_STATES,
    Rebuild,
    RebuildComparison,
    RowDifferenceKind,
)

LOOK_EVERY = 0.5
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
        visit = console.visit()
        with page_frame(visit, "Rebuild", "/rebuilds", trail=("Rebuilds", "/rebuilds")) as heading:
            _Page(visit, rebuild_id, heading)


class _Page:
    """Drawn whole when its state changes; in between only its progress is told again."""

    def __init__(self, visit: PageContext, id: str, heading: PageHeading) -> None:
        self._visit = visit
        self._rebuilds = visit.parts.rebuilds
        self._id = id
        self._heading = heading
        self._drawn: object = None
        self._progress: RebuildProgress | None = None
        self._place = AsyncPanel(partial(self._rebuilds.find, id), self._draw, lines=6)
        self._timer = ui.timer(LOOK_EVERY, self._look, active=False)

    async def _look(self) -> None:
        rebuild = await self._rebuilds.find(self._id)
        if rebuild is None:
            return
        if _gist(rebuild) != self._drawn:
            await self._place.refresh()
        elif self._progress is not None:
            self._progress.tell(rebuild)

    def _draw(self, rebuild: Rebuild | None) -> None:
        if rebuild is None:
            empty_state("sync", "There is no such rebuild")
            return
        self._drawn = _gist(rebuild)
        self._timer.active = True
        self._deeds(rebuild)
        with box("stack"):
            if rebuild.error is not None:
                notice(rebuild.error, "bad", "error")
            if rebuild.interrupted:
                notice("Nobody works on it: it waits to be resumed or given up.", "warn", "pause_circle")
            with panel(TARGETS[rebuild.target], scope_text(rebuild.scope), marker="progress") as deeds:
                with deeds:
                    state_badge(rebuild)
                with box("body"):
                    self._progress = RebuildProgress()
                    self._progress.tell(rebuild)
            with box("pair"):
                with panel("About it", marker="about"), box("body"):
                    _about(rebuild)
                with panel("Compared with the live rows", marker="comparison"), box("body"):
                    _comparison(rebuild.comparison)
            if rebuild.comparison is not None and rebuild.comparison.samples:
                with panel("Some of what is not the same", marker="samples"):
                    _samples(rebuild.comparison)

    def _deeds(self, rebuild: Rebuild) -> None:
        self._heading.deeds.clear()
        with self._heading.deeds:
            if is_running(rebuild):
                made = button("Cancel …", self._cancel, kind="deed danger", symbol="stop")
                made.set_enabled(not rebuild.cancel_requested)
            elif rebuild.state in RESUMABLE_STATES and rebuild.scope.everything and not rebuild.dry_run:
                button("Give up …", partial(self._abandon, rebuild), kind="deed danger", symbol="delete")
                button("Resume …", partial(self._resume, rebuild), kind="main-deed", symbol="play_arrow")

    def _cancel(self) -> None:
        async def do(operator: Operator) -> DialogResult:
            asked = await self._rebuilds.request_cancel(self._id, operator)
            return (
                DialogResult("It is asked to stop.", "news")
                if asked
                else DialogResult("It does not run any more.", "warn")
            )

        what = "It stops within moments. Nothing that serves was changed, and it can be resumed."
        ask_reason(
            self._visit,
            ReasonQuestion("Cancel this rebuild", what, "Cancel it", danger=True),
            do,
            self._place.refresh,
        )

    def _resume(self, rebuild: Rebuild) -> None:
        async def do(operator: Operator) -> DialogResult:
            wanted = RebuildRequest(target=rebuild.target, resume=True)
            await launch_rebuild(self._visit.parts.settings, self._rebuilds, wanted, operator)
            return DialogResult("It goes on, as a process of its own.", "news")

        what = "It goes on where it was: parts that are done are not done again."
        ask_reason(
            self._visit, ReasonQuestion("Resume this rebuild", what, "Resume"), do, self._place.refresh
        )

    def _abandon(self, rebuild: Rebuild) -> None:
        async def do(operator: Operator) -> DialogResult:
            await self._rebuilds.abandon(rebuild.target, operator)
            return DialogResult("It is given up, and what it made is dropped.")

        what = "What it made is dropped, and it cannot be resumed. Nothing that serves is changed."
        ask_reason(
            self._visit,
            ReasonQuestion("Give up this rebuild", what, "Give up", danger=True),
            do,
            self._place.refresh,
        )


def _gist(rebuild: Rebuild) -> object:
    """What the page is drawn anew for."""
    return (rebuild.state, rebuild.interrupted, rebuild.cancel_requested, rebuild.error, rebuild.comparison)


def _about(rebuild: Rebuild) -> None:
    definition_list(
        [
            (
                "Started",
                partial(
                    safe_text,
                    f"{timestamp_text(rebuild.started_at)} UTC",
                    title=exact_timestamp(rebuild.started_at),
                ),
            ),
            ("Took", elapsed_text(rebuild)) if rebuild.ended_at else ("Runs for", elapsed_text(rebuild)),
            ("Changes", "nothing: a dry run" if rebuild.dry_run else "the live tables"),
            ("Processes", rebuild.workers),
            ("Rows made", number_text(rebuild.rows)),
            ("By", f"{rebuild.operator.actor}, by {rebuild.operator.way.replace('-', ' ')}"),
            ("Why", rebuild.operator.reason),
            ("Id", partial(safe_text, rebuild.id, "mono")),
        ]
    )


def _comparison(comparison: RebuildComparison | None) -> None:
    if comparison is None:
        empty_state("compare_arrows", "Not compared yet")
        return
    with box("stack"):
        if comparison.faults:
            notice(f"{number_text(comparison.faults)} rows were not as they should be.", "bad", "error")
        else:
            notice("No row was wrong.", "good", "check_circle")
        definition_list(
            [
                ("The same", number_text(comparison.same)),
                *(
                    (title[:1].upper() + title[1:], number_text(getattr(comparison, name)))
                    for name, title in KINDS.items()
                    if getattr(comparison, name)
                ),
            ]
        )


def _samples(comparison: RebuildComparison) -> None:
    table = Table(("About", "lead"), ("Kind", "tight"), ("What", ""), name="Differences")
    for each in comparison.samples:
        basket = each.subject.startswith("basket-")
        table.row(
            partial(link, each.subject, f"/baskets/{each.subject}", "mono")
            if basket
            else partial(safe_text, each.subject, "mono"),
            partial(badge, KINDS[each.kind], "warn" if each.kind.startswith("live") else "bad"),
            each.words,
        )
