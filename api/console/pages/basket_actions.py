"""What an operator can do to one basket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from api.console.components.async_panel import error_text
from api.console.components.reason_dialog import DialogResult, ReasonQuestion, ask_reason
from api.console.components.widgets import button, count_text, notice, open_dialog, safe_text
from api.console.page_context import PageContext
from domain.operators.audit import Operator
from domain.operators.erasure import BasketSelection
from domain.operators.verify.view_verifier import VerificationResult
from domain.shared.errors import CheckoutError


def offer_basket_actions(page: PageContext, basket_id: str, then: Callable[[], object]) -> None:
    """Draws the buttons. Calls `then` after the basket was changed."""
    button("Verify", partial(_verify, page, basket_id), symbol="rule")
    forget = partial(_ask_to_forget, page, basket_id, then)
    button("Forget …", forget, kind="secondary danger", symbol="person_off")


async def _verify(page: PageContext, basket_id: str) -> None:
    """Folds the basket's events again and compares everything derived from them."""
    try:
        result = await page.container.view_verifier.verify([basket_id])
    except CheckoutError as error:
        ui.notify(error_text(error), type="negative", position="top")
        return
    open_dialog("Verify", partial(_draw_result, result))


def _draw_result(result: VerificationResult) -> None:
    events = count_text(result.events, "event")
    if result.inconsistencies:
        sentences = (each.words for each in result.inconsistencies)
        notice("Something differs from what the events say.", "bad", "error", *sentences)
        safe_text("checkout verify --repair repairs views that differ.", "soft small", tag="p")
    elif result.lagging:
        text = f"The view lags behind the {events} of the store. All that it shows is right."
        notice(text, "warn", "schedule")
    else:
        notice(f"The view equals the fold of its {events}.", "good", "check_circle")


def _ask_to_forget(page: PageContext, basket_id: str, then: Callable[[], object]) -> None:
    async def forget(operator: Operator) -> DialogResult:
        result = await page.container.erasure.erase(BasketSelection(basket_ids=(basket_id,)), operator)
        if result.unchanged:
            return DialogResult("It was forgotten before, and holds nothing new.", "info")
        if result.stored_in_the_clear:
            return DialogResult(
                "It is forgotten. Events from before its data was encrypted still hold it in the database.",
                "warn",
            )
        return DialogResult("It is forgotten: the key is destroyed.")

    question = ReasonQuestion(
        "Forget its personal data",
        "The content of tracking, custom fields and the details of persons is erased for good: from history, views,"
        " stored responses and whatever is published from now on. The basket and its history stay countable.",
        "Forget for good",
        danger=True,
        confirm=basket_id,
    )
    ask_reason(page, question, forget, then)
