"""Where there is no page."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from operations.console.look.frame import frame
from operations.console.look.things import box, nothing, panel
from operations.console.visit import Console


def no_such_page(console: Console) -> Callable[[], None]:
    """What is shown for every path that is no page's."""

    def draw() -> None:
        ui.context.client.status_code = 404
        with frame(console.visit(), "Not found", ""), panel("Not found"), box():
            nothing("explore_off", "There is no such page", "The ways on the side lead to all there are.")

    return draw
