"""The page for paths that lead nowhere."""

from __future__ import annotations

from nicegui import ui

from api.console.components.page_frame import page_frame
from api.console.components.widgets import box, empty_state, panel
from api.console.page_context import ConsoleContext


def page_not_found(console: ConsoleContext) -> None:
    ui.context.client.status_code = 404
    with page_frame(console.page(), "Not found", ""), panel("Not found"), box():
        empty_state("explore_off", "There is no such page", "The links on the side lead to all pages.")
