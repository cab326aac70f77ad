"""Draws a verdict's remedy, with the command that sends it."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from api.console.components.widgets import (
    badge,
    box,
    button,
    code,
    copy_button,
    count_text,
    definition_list,
    notice,
    open_dialog,
    panel,
    safe_text,
    verdict_badge,
)
from api.console.page_context import PageContext
from api.console.remedy_curl import UnusableAddress, remedy_curl
from domain.operators.history.verdict_reader import RemedyCall, VerdictSummary
from domain.shared.findings import (
    LinePriceAcceptance,
    LineQuantityChange,
    LineRemoval,
    LineSwap,
    RemedyAction,
)
from domain.shared.formatting import format_money
from domain.shared.money import Money

ACTIONS_SHOWN = 20
"""The command has them all."""

# Where this browser reaches the service.
_ORIGIN = "window.location.origin"


def draw_remedy(page: PageContext, basket_id: str, verdict: VerdictSummary, *, last_version: int) -> None:
    """The verdict's remedy as a panel, if it has one. `last_version` is the basket's: a remedy for an earlier one is
    refused."""
    remedy = verdict.remedy
    if remedy is None:
        return
    actions = remedy.order_item_actions
    note = f"of the verdict of version {verdict.version}: what the caller can send to update"
    with panel("Remedy", note, marker="remedy") as head:
        with head:
            button("Make the curl", partial(_show_curl, page, basket_id, remedy), symbol="terminal")
        with box("body stack"):
            with box("differences", tag="ul"):
                for action in actions[:ACTIONS_SHOWN]:
                    with box("line", tag="li"):
                        safe_text(action.order_item_action_type, "mono strong")
                        safe_text(describe_action(action))
            if len(actions) > ACTIONS_SHOWN:
                safe_text(f"and {count_text(len(actions) - ACTIONS_SHOWN, 'action')} more", "soft")
            definition_list(
                [
                    ("If-Match", partial(safe_text, remedy.if_match, "mono")),
                    ("Leads to", partial(verdict_badge, remedy.leads_to.ready)),
                    ("Total then", _money(remedy.leads_to.total)),
                    ("Findings then", partial(_draw_codes, remedy.leads_to.remaining)),
                ]
            )
            if verdict.version != last_version:
                notice(
                    f"The basket is at version {last_version} now, so the call gets a 412. Validate it again first.",
                    "warn",
                    "history",
                )


def describe_action(action: RemedyAction) -> str:
    """An action of a remedy in words, without its kind."""
    match action:
        case LineRemoval():
            return f"line {action.id}"
        case LineQuantityChange(expected_price=None):
            return f"line {action.id} to {action.quantity}"
        case LineQuantityChange(expected_price=price):
            return f"line {action.id} to {action.quantity}, at {_money(price)}"
        case LineSwap(quantity=None):
            return f"line {action.id} for offer {action.offer}"
        case LineSwap():
            return f"line {action.id} for {action.quantity} × offer {action.offer}"
        case LinePriceAcceptance():
            return f"line {action.id} at {_money(action.expected_price)}"


def _money(money: Money | None) -> str:
    return format_money(None if money is None else money.model_dump(mode="json", by_alias=True))


def _draw_codes(codes: tuple[str, ...]) -> None:
    with box("line"):
        for each in codes:
            badge(each)
        if not codes:
            safe_text("none", "soft")


async def _show_curl(page: PageContext, basket_id: str, remedy: RemedyCall) -> None:
    origin = await ui.run_javascript(_ORIGIN)
    settings = page.container.settings
    try:
        command = remedy_curl(f"{origin}{page.prefix}", settings.landing_cookie, basket_id, remedy)
    except UnusableAddress as error:
        ui.notify(str(error), type="warning")
        return

    def draw() -> None:
        with box("line"):
            safe_text("Set TOKEN to a token of the organisation first.", "soft small")
            copy_button(command, "the command")
        code(command).props["data-command"] = "remedy"

    open_dialog("Send the remedy", draw, classes="wide-dialog")
