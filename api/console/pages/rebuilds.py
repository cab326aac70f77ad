"""The newest rebuilds, and the buttons that start one or roll one back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui
from pydantic import ValidationError

from adapters.rebuild_launcher import RebuildRequest, launch_rebuild
from adapters.wire.validation_messages import describe_validation_error
from api.console.components.async_panel import AsyncPanel
from api.console.components.page_frame import page_frame
from api.console.components.reason_dialog import DialogResult, ReasonQuestion, ask_reason
from api.console.components.rebuild_view import (
    TARGETS,
    comparison_text,
    elapsed_text,
    is_running,
    scope_text,
    state_badge,
    target_select,
)
from api.console.components.tables import Table
from api.console.components.widgets import badge, box, button, empty_state, link, panel, safe_text, time_text
from api.console.page_context import ConsoleContext, PageContext
from domain.operators.audit import Operator
from domain.operators.rebuild import Rebuild, RebuildRefused, RebuildTarget
from domain.shared.formatting import format_number

MAX_SHOWN = 30
POLL_SECONDS = 2.0


def register(console: ConsoleContext) -> None:
    @ui.page("/rebuilds")
    def rebuilds() -> None:
        page = console.page()
        subtitle = "Read models, built anew beside the live tables and then switched; serving never stops."
        with page_frame(page, "Rebuilds", "/rebuilds", subtitle) as heading:
            with panel("Rebuilds", "the newest first; times are UTC", marker="rebuilds"):
                newest = partial(console.container.rebuilds.newest, MAX_SHOWN)
                listed = AsyncPanel(newest, _draw, lines=6)
            with heading.actions:
                button("Roll back …", partial(_ask_to_roll_back, page, listed), symbol="history")
                start = partial(_ask_to_start, page)
                button("Start a rebuild …", start, kind="primary", symbol="play_arrow")
            ui.timer(POLL_SECONDS, listed.refresh)


def _draw(rebuilds: Sequence[Rebuild]) -> None:
    if not rebuilds:
        empty_state(
            "sync",
            "Nothing was rebuilt yet",
            "A rebuild makes the tables anew from the events, compares them with the live ones and takes their"
            " place. The old ones are kept for a roll-back.",
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
            partial(_draw_target, rebuild),
            partial(state_badge, rebuild),
            partial(_draw_done, rebuild),
            comparison_text(rebuild.comparison),
            partial(time_text, rebuild.started_at),
            elapsed_text(rebuild),
            partial(_draw_operator, rebuild.operator),
        )
        row.props["data-rebuild"] = rebuild.id


def _draw_target(rebuild: Rebuild) -> None:
    with box():
        with box("line"):
            link(TARGETS[rebuild.target], f"/rebuilds/{rebuild.id}", "strong")
            if rebuild.dry_run:
                badge("dry run")
        safe_text(scope_text(rebuild.scope), "soft small", tag="div")


def _draw_done(rebuild: Rebuild) -> None:
    running = is_running(rebuild)
    with box():
        if running and rebuild.total:
            safe_text(f"{min(1.0, rebuild.done / rebuild.total):.0%}", "strong", tag="div")
        safe_text(format_number(rebuild.done), "soft small" if running else "", tag="div")


def _draw_operator(operator: Operator) -> None:
    with box():
        safe_text(operator.actor, tag="div")
        safe_text(operator.reason, "soft small", tag="div")


class _RebuildForm:
    """Asks what to rebuild."""

    def __init__(self) -> None:
        self._target = target_select()
        with box("fields"):
            self._partner = ui.input("Only this organisation").props("outlined dense")
            self._basket = ui.input("Only this basket").props("outlined dense")
            self._workers = ui.number("Processes", min=1, max=64, precision=0).props("outlined dense")
            self._rate = ui.number("At most events a second", min=1, precision=0).props("outlined dense")
        self._dry_run = ui.switch("Dry run: show what would differ, change nothing")
        for field in (self._partner, self._basket):
            field.bind_visibility_from(self._target, "value", value="basket-views")

    def request(self) -> RebuildRequest:
        """Raises RebuildRefused where a field holds an impossible value."""
        of_views = self._target.value == "basket-views"
        partner, basket = ((field.value or "").strip() for field in (self._partner, self._basket))
        try:
            return RebuildRequest(
                target=self._target.value,
                partner=partner if partner and of_views else None,
                baskets=(basket,) if basket and of_views else (),
                dry_run=bool(self._dry_run.value),
                workers=int(self._workers.value) if self._workers.value else None,
                rate=float(self._rate.value) if self._rate.value else None,
            )
        except ValidationError as error:
            raise RebuildRefused(describe_validation_error(error)) from error


def _ask_to_start(page: PageContext) -> None:
    forms: list[_RebuildForm] = []
    started: list[Rebuild] = []

    async def start(operator: Operator) -> DialogResult:
        container = page.container
        request = forms[0].request()
        started.append(await launch_rebuild(container.settings, container.rebuilds, request, operator))
        return DialogResult("It has begun, as a process of its own.", "info")

    question = ReasonQuestion(
        "Start a rebuild",
        "It builds beside the live tables, compares, and switches in one short transaction. The old tables are kept"
        " for a roll-back. A rebuild of single baskets repairs their rows in place.",
        "Start",
        more=lambda: forms.append(_RebuildForm()),
    )
    ask_reason(page, question, start, lambda: ui.navigate.to(f"/rebuilds/{started[-1].id}"))


def _ask_to_roll_back(page: PageContext, listed: AsyncPanel[Sequence[Rebuild]]) -> None:
    fields: list[ui.select] = []

    async def roll_back(operator: Operator) -> DialogResult:
        target: RebuildTarget = fields[0].value
        await page.container.rebuilds.roll_back(target, operator)
        return DialogResult(f"The tables before are live again: {TARGETS[target].lower()}.")

    question = ReasonQuestion(
        "Roll back the last switch",
        "The kept tables take the place of the live ones, which are kept in turn. Events since then are applied first.",
        "Roll back",
        danger=True,
        more=lambda: fields.append(target_select()),
    )
    ask_reason(page, question, roll_back, listed.refresh)
