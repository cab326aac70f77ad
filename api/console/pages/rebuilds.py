"""Rebuilds: those that run, with how far they are, and those that were."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui
from pydantic import ValidationError

from adapters.rebuild_launcher import RebuildRequest, launch_rebuild
from adapters.wire.validation_messages import describe_validation_error
from api.console.components.async_panel import AsyncPanel
from api.console.components.formatting import exact_timestamp, number_text, timestamp_text
from api.console.components.page_frame import page_frame
from api.console.components.reason_dialog import DialogResult, ReasonQuestion, ask_reason
from api.console.components.rebuild_view import (
    TARGETS,
    comparison_text,
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
    empty_state,
    link,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext, PageContext
from domain.operators.audit import Operator
from domain.operators.rebuild import Rebuild, RebuildRefused, RebuildTarget

SHOWN = 30
LOOK_EVERY = 2.0


def register(console: ConsoleContext) -> None:
    @ui.page("/rebuilds")
    def rebuilds() -> None:
        visit = console.visit()
        sub = "What is derived, built anew beside the live tables and switched; serving never stops."
        with page_frame(visit, "Rebuilds", "/rebuilds", sub) as heading:
            with panel("Rebuilds", "the newest first; times are UTC", marker="rebuilds"):
                place = AsyncPanel(partial(console.parts.rebuilds.newest, SHOWN), _draw, lines=6)
            with heading.deeds:
                button("Roll back …", partial(_roll_back, visit, place), symbol="history")
                button("Start a rebuild …", partial(_start, visit), kind="main-deed", symbol="play_arrow")
            ui.timer(LOOK_EVERY, place.refresh)


def _draw(rebuilds: Sequence[Rebuild]) -> None:
    if not rebuilds:
        empty_state(
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
            comparison_text(rebuild.comparison),
            partial(
                safe_text,
                timestamp_text(rebuild.started_at),
                "nowrap",
                title=exact_timestamp(rebuild.started_at),
            ),
            elapsed_text(rebuild),
            partial(_who, rebuild.operator),
        )
        row.props["data-rebuild"] = rebuild.id


def _what(rebuild: Rebuild) -> None:
    with box():
        with box("line"):
            link(TARGETS[rebuild.target], f"/rebuilds/{rebuild.id}", "strong")
            if rebuild.dry_run:
                badge("dry run")
        safe_text(scope_text(rebuild.scope), "soft small", tag="div")


def _done(rebuild: Rebuild) -> None:
    with box():
        if is_running(rebuild) and rebuild.total:
            safe_text(f"{min(1.0, rebuild.done / rebuild.total):.0%}", "strong", tag="div")
        safe_text(number_text(rebuild.done), "soft small" if is_running(rebuild) else "", tag="div")


def _who(operator: Operator) -> None:
    with box():
        safe_text(operator.actor, tag="div")
        safe_text(operator.reason, "soft small", tag="div")


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

    def wanted(self) -> RebuildRequest:
        """Raises RebuildRefused where what was typed cannot be meant."""
        try:
            return self._wanted()
        except ValidationError as error:
            raise RebuildRefused(describe_validation_error(error)) from error

    def _wanted(self) -> RebuildRequest:
        views = self._target.value == "basket-views"
        basket = (self._basket.value or "").strip()
        return RebuildRequest(
            target=self._target.value,
            partner=((self._partner.value or "").strip() or None) if views else None,
            baskets=(basket,) if basket and views else (),
            dry_run=bool(self._dry_run.value),
            workers=int(self._workers.value) if self._workers.value else None,
            rate=float(self._rate.value) if self._rate.value else None,
        )


def _start(visit: PageContext) -> None:
    fields: list[_Fields] = []
    begun: list[Rebuild] = []

    async def do(operator: Operator) -> DialogResult:
        parts = visit.parts
        begun.append(await launch_rebuild(parts.settings, parts.rebuilds, fields[0].wanted(), operator))
        return DialogResult("It has begun, as a process of its own.", "news")

    question = ReasonQuestion(
        "Start a rebuild",
        "It builds beside the live tables, compares, and switches in one short transaction. The old tables are kept"
        " for a roll-back. Of some baskets only, the rows are mended in place.",
        "Start",
        more=lambda: fields.append(_Fields()),
    )
    ask_reason(visit, question, do, lambda: ui.navigate.to(f"/rebuilds/{begun[-1].id}"))


def _roll_back(visit: PageContext, place: AsyncPanel[Sequence[Rebuild]]) -> None:
    chosen: list[ui.select] = []

    async def do(operator: Operator) -> DialogResult:
        target: RebuildTarget = chosen[0].value
        await visit.parts.rebuilds.roll_back(target, operator)
        return DialogResult(f"The generation before is live again: {TARGETS[target].lower()}.")

    def draw() -> None:
        field = ui.select(TARGETS, value="basket-views", label="What").props("outlined dense options-dense")
        chosen.append(field)

    question = ReasonQuestion(
        "Roll back the last switch",
        "The kept generation takes the place of the live one, which is kept in turn. What happened since is carried"
        " over first.",
        "Roll back",
        danger=True,
        more=draw,
    )
    ask_reason(visit, question, do, place.refresh)
