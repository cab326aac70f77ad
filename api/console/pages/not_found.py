"""Where there is no page."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from api.console.components.page_frame import page_frame
from api.console.components.widgets import box, empty_state, panel
from api.console.page_context import ConsoleContext


def page_not_found(console: ConsoleContext) -> Callable[[], None]:
    """What is shown for every path that is no page's."""

    def draw() -> None:
        ui.context.client.status_code = 404
        with page_frame(console.visit(), "Not found", ""), panel("Not found"), box():
            empty_state("explore_off", "There is no such page", "The ways on the side lead to all there are.")

    return draw
