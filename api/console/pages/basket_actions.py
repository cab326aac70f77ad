"""What an operator may do to one basket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from api.console.components.async_panel import error_text
from api.console.components.formatting import count_text
from api.console.components.reason_dialog import DialogResult, ReasonQuestion, ask_reason
from api.console.components.widgets import (
    box,
    button,
    notice,
    safe_text,
)
from api.console.page_context import PageContext
from domain.operators.audit import Operator
from domain.operators.erasure import BasketSelection
from domain.shared.errors import CheckoutError


def offer_basket_actions(visit: PageContext, basket_id: str, then: Callable[[], object]) -> None:
    """`then` is called after the basket was changed."""
    button("Verify", partial(_verify, visit, basket_id), symbol="rule")
    button("Forget …", partial(_forget, visit, basket_id, then), kind="deed danger", symbol="person_off")


async def _verify(visit: PageContext, basket_id: str) -> None:
    """Folds the basket's events again, and says whether all that is derived from them equals it."""
    try:
        verified = await visit.parts.view_verifier.verify([basket_id])
    except CheckoutError as error:
        ui.notify(error_text(error), type="negative", position="top")
        return
    with ui.dialog() as dialog, ui.card(), box("sheet"):
        dialog.on("hide", dialog.delete)
        safe_text("Verify", tag="h2")
        events = count_text(verified.events, "event")
        if verified.inconsistencies:
            notice(
                "Something is not as the events say.",
                "bad",
                "error",
                *(each.words for each in verified.inconsistencies),
            )
            safe_text("checkout verify --repair mends views that differ.", "soft small", tag="p")
        elif verified.lagging:
            notice(
                f"The view lags behind the {events} of the store; all that it says is right.",
                "warn",
                "schedule",
            )
        else:
            notice(f"The view equals the fold of its {events}.", "good", "check_circle")
        with box("deeds"):
            button("Close", dialog.close)
    dialog.open()


def _forget(visit: PageContext, basket_id: str, then: Callable[[], object]) -> None:
    async def do(operator: Operator) -> DialogResult:
        forgotten = await visit.parts.erasure.erase(BasketSelection(basket_ids=(basket_id,)), operator)
        if forgotten.unchanged:
            return DialogResult("It had been forgotten before, and holds nothing new.", "news")
        if forgotten.stored_in_the_clear:
            safe_text = "It is forgotten. Events from before its data was sealed still lie in the database as they came."
            return DialogResult(safe_text, "warn")
        return DialogResult("It is forgotten: the key is destroyed.")

    question = ReasonQuestion(
        "Forget its personal data",
        "What tracking and custom fields hold is gone for good: from history, views, answers and whatever is"
        " published from now on. The basket and its history stay countable.",
        "Forget for good",
        danger=True,
        confirm=basket_id,
    )
    ask_reason(visit, question, do, then)
