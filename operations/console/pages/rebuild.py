"""One rebuild: how far it is, to be cancelled, gone on with or given up; and what differed."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from domain.operating.actions import Operator
from domain.operating.rebuilding import RESUMABLE_STATES, DifferenceKind, Rebuild, RebuildComparison
from operations.console.look.asking import Came, Question, ask
from operations.console.look.frame import Heading, frame
from operations.console.look.places import Place
from operations.console.look.rebuilding import TARGETS, Progress, at_work, scope_words, state_badge, took
from operations.console.look.telling import exactly, moment, number
from operations.console.look.things import Table, badge, box, button, facts, link, nothing, panel, told, words
from operations.console.visit import Console, Visit
from operations.rebuilding.launching import Wanted, launch

LOOK_EVERY = 0.5
KINDS: dict[DifferenceKind, str] = {
    "differs": "differs",
    "missing": "missing",
    "surplus": "surplus",
    "unfoldable": "cannot be folded",
    "stale": "stale",
    "live_behind": "live row behind",
    "live_ahead": "live row ahead",
}


def register(console: Console) -> None:
    @ui.page("/rebuilds/{rebuild_id}")
    def rebuild(rebuild_id: str) -> None:
        visit = console.visit()
        with frame(visit, "Rebuild", "/rebuilds", trail=("Rebuilds", "/rebuilds")) as heading:
            _Page(visit, rebuild_id, heading)


class _Page:
    """Drawn whole when its state changes; in between only its progress is told again."""

    def __init__(self, visit: Visit, id: str, heading: Heading) -> None:
        self._visit = visit
        self._rebuilds = visit.parts.rebuilds
        self._id = id
        self._heading = heading
        self._drawn: object = None
        self._progress: Progress | None = None
        self._place = Place(partial(self._rebuilds.find, id), self._draw, lines=6)
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
            nothing("sync", "There is no such rebuild")
            return
        self._drawn = _gist(rebuild)
        self._timer.active = True
        self._deeds(rebuild)
        with box("stack"):
            if rebuild.error is not None:
                told(rebuild.error, "bad", "error")
            if rebuild.interrupted:
                told("Nobody works on it: it waits to be resumed or given up.", "warn", "pause_circle")
            with panel(TARGETS[rebuild.target], scope_words(rebuild.scope), marker="progress") as deeds:
                with deeds:
                    state_badge(rebuild)
                with box("body"):
                    self._progress = Progress()
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
            if at_work(rebuild):
                made = button("Cancel …", self._cancel, kind="deed danger", symbol="stop")
                made.set_enabled(not rebuild.cancel_requested)
            elif rebuild.state in RESUMABLE_STATES and rebuild.scope.everything and not rebuild.dry_run:
                button("Give up …", partial(self._abandon, rebuild), kind="deed danger", symbol="delete")
                button("Resume …", partial(self._resume, rebuild), kind="main-deed", symbol="play_arrow")

    def _cancel(self) -> None:
        async def do(operator: Operator) -> Came:
            asked = await self._rebuilds.request_cancel(self._id, operator)
            return (
                Came("It is asked to stop.", "news") if asked else Came("It does not run any more.", "warn")
            )

        what = "It stops within moments. Nothing that serves was changed, and it can be resumed."
        ask(
            self._visit,
            Question("Cancel this rebuild", what, "Cancel it", danger=True),
            do,
            self._place.refresh,
        )

    def _resume(self, rebuild: Rebuild) -> None:
        async def do(operator: Operator) -> Came:
            wanted = Wanted(target=rebuild.target, resume=True)
            await launch(self._visit.parts.settings, self._rebuilds, wanted, operator)
            return Came("It goes on, as a process of its own.", "news")

        what = "It goes on where it was: parts that are done are not done again."
        ask(self._visit, Question("Resume this rebuild", what, "Resume"), do, self._place.refresh)

    def _abandon(self, rebuild: Rebuild) -> None:
        async def do(operator: Operator) -> Came:
            await self._rebuilds.abandon(rebuild.target, operator)
            return Came("It is given up, and what it made is dropped.")

        what = "What it made is dropped, and it cannot be resumed. Nothing that serves is changed."
        ask(
            self._visit,
            Question("Give up this rebuild", what, "Give up", danger=True),
            do,
            self._place.refresh,
        )


def _gist(rebuild: Rebuild) -> object:
    """What the page is drawn anew for."""
    return (rebuild.state, rebuild.interrupted, rebuild.cancel_requested, rebuild.error, rebuild.comparison)


def _about(rebuild: Rebuild) -> None:
    facts(
        [
            (
                "Started",
                partial(words, f"{moment(rebuild.started_at)} UTC", title=exactly(rebuild.started_at)),
            ),
            ("Took", took(rebuild)) if rebuild.ended_at else ("Runs for", took(rebuild)),
            ("Changes", "nothing: a dry run" if rebuild.dry_run else "the live tables"),
            ("Processes", rebuild.workers),
            ("Rows made", number(rebuild.rows)),
            ("By", f"{rebuild.operator.actor}, by {rebuild.operator.way.replace('-', ' ')}"),
            ("Why", rebuild.operator.reason),
            ("Id", partial(words, rebuild.id, "mono")),
        ]
    )


def _comparison(comparison: RebuildComparison | None) -> None:
    if comparison is None:
        nothing("compare_arrows", "Not compared yet")
        return
    with box("stack"):
        if comparison.faults:
            told(f"{number(comparison.faults)} rows were not as they should be.", "bad", "error")
        else:
            told("No row was wrong.", "good", "check_circle")
        facts(
            [
                ("The same", number(comparison.same)),
                *(
                    (title[:1].upper() + title[1:], number(getattr(comparison, name)))
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
            else partial(words, each.subject, "mono"),
            partial(badge, KINDS[each.kind], "warn" if each.kind.startswith("live") else "bad"),
            each.words,
        )
