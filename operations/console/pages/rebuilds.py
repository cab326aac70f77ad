"""Rebuilds: those that run, with how far they are, and those that were."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui
from pydantic import ValidationError

from adapters.contract.words import in_words
from domain.operating.actions import Operator
from domain.operating.rebuilding import Rebuild, RebuildRefused, RebuildTarget
from operations.console.look.asking import Came, Question, ask
from operations.console.look.frame import frame
from operations.console.look.places import Place
from operations.console.look.rebuilding import (
    TARGETS,
    at_work,
    comparison_words,
    scope_words,
    state_badge,
    took,
)
from operations.console.look.telling import exactly, moment, number
from operations.console.look.things import Table, badge, box, button, link, nothing, panel, words
from operations.console.visit import Console, Visit
from operations.rebuilding.launching import Wanted, launch

SHOWN = 30
LOOK_EVERY = 2.0


def register(console: Console) -> None:
    @ui.page("/rebuilds")
    def rebuilds() -> None:
        visit = console.visit()
        sub = "What is derived, built anew beside the live tables and switched; serving never stops."
        with frame(visit, "Rebuilds", "/rebuilds", sub) as heading:
            with panel("Rebuilds", "the newest first; times are UTC", marker="rebuilds"):
                place = Place(partial(console.parts.rebuilds.newest, SHOWN), _draw, lines=6)
            with heading.deeds:
                button("Roll back …", partial(_roll_back, visit, place), symbol="history")
                button("Start a rebuild …", partial(_start, visit), kind="main-deed", symbol="play_arrow")
            ui.timer(LOOK_EVERY, place.refresh)


def _draw(rebuilds: Sequence[Rebuild]) -> None:
    if not rebuilds:
        nothing(
            "sync",
            "Nothing was rebuilt yet",
            "A rebuild makes a new generation of the tables from what happened, compares it with the live one and"
            " takes its place. The old one is kept for a roll-back.",
        )
        return
    table = Table(
        ("What", "lead"),
        ("State", "tight"),
        ("Done", "number"),
        ("Compared", ""),
        ("Started", "tight"),
        ("Took", "number"),
        ("By", "name"),
        name="Rebuilds",
    )
    for rebuild in rebuilds:
        row = table.row(
            partial(_what, rebuild),
            partial(state_badge, rebuild),
            partial(_done, rebuild),
            comparison_words(rebuild.comparison),
            partial(words, moment(rebuild.started_at), "nowrap", title=exactly(rebuild.started_at)),
            took(rebuild),
            partial(_who, rebuild.operator),
        )
        row.props["data-rebuild"] = rebuild.id


def _what(rebuild: Rebuild) -> None:
    with box():
        with box("line"):
            link(TARGETS[rebuild.target], f"/rebuilds/{rebuild.id}", "strong")
            if rebuild.dry_run:
                badge("dry run")
        words(scope_words(rebuild.scope), "soft small", tag="div")


def _done(rebuild: Rebuild) -> None:
    with box():
        if at_work(rebuild) and rebuild.total:
            words(f"{min(1.0, rebuild.done / rebuild.total):.0%}", "strong", tag="div")
        words(number(rebuild.done), "soft small" if at_work(rebuild) else "", tag="div")


def _who(operator: Operator) -> None:
    with box():
        words(operator.actor, tag="div")
        words(operator.reason, "soft small", tag="div")


class _Fields:
    """What is to be rebuilt."""

    def __init__(self) -> None:
        self._target = ui.select(TARGETS, value="basket-views", label="What").props(
            "outlined dense options-dense"
        )
        with box("fields"):
            self._partner = ui.input("Only this organisation").props("outlined dense")
            self._basket = ui.input("Only this basket").props("outlined dense")
            self._workers = ui.number("Processes", min=1, max=64, precision=0).props("outlined dense")
            self._rate = ui.number("At most events a second", min=1, precision=0).props("outlined dense")
        self._dry_run = ui.switch("Dry run: show what would differ, change nothing")
        views = self._target
        for field in (self._partner, self._basket):
            field.bind_visibility_from(views, "value", value="basket-views")

    def wanted(self) -> Wanted:
        """Raises RebuildRefused where what was typed cannot be meant."""
        try:
            return self._wanted()
        except ValidationError as error:
            raise RebuildRefused(in_words(error)) from error

    def _wanted(self) -> Wanted:
        views = self._target.value == "basket-views"
        basket = (self._basket.value or "").strip()
        return Wanted(
            target=self._target.value,
            partner=((self._partner.value or "").strip() or None) if views else None,
            baskets=(basket,) if basket and views else (),
            dry_run=bool(self._dry_run.value),
            workers=int(self._workers.value) if self._workers.value else None,
            rate=float(self._rate.value) if self._rate.value else None,
        )


def _start(visit: Visit) -> None:
    fields: list[_Fields] = []
    begun: list[Rebuild] = []

    async def do(operator: Operator) -> Came:
        parts = visit.parts
        begun.append(await launch(parts.settings, parts.rebuilds, fields[0].wanted(), operator))
        return Came("It has begun, as a process of its own.", "news")

    question = Question(
        "Start a rebuild",
        "It builds beside the live tables, compares, and switches in one short transaction. The old tables are kept"
        " for a roll-back. Of some baskets only, the rows are mended in place.",
        "Start",
        more=lambda: fields.append(_Fields()),
    )
    ask(visit, question, do, lambda: ui.navigate.to(f"/rebuilds/{begun[-1].id}"))


def _roll_back(visit: Visit, place: Place[Sequence[Rebuild]]) -> None:
    chosen: list[ui.select] = []

    async def do(operator: Operator) -> Came:
        target: RebuildTarget = chosen[0].value
        await visit.parts.rebuilds.roll_back(target, operator)
        return Came(f"The generation before is live again: {TARGETS[target].lower()}.")

    def draw() -> None:
        field = ui.select(TARGETS, value="basket-views", label="What").props("outlined dense options-dense")
        chosen.append(field)

    question = Question(
        "Roll back the last switch",
        "The kept generation takes the place of the live one, which is kept in turn. What happened since is carried"
        " over first.",
        "Roll back",
        danger=True,
        more=draw,
    )
    ask(visit, question, do, place.refresh)
