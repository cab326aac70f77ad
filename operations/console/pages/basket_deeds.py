"""What an operator may do to one basket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from domain.errors import CheckoutError
from domain.operating.actions import Operator
from domain.operating.forgetting import TheseBaskets
from operations.console.look.asking import Came, Question, ask
from operations.console.look.places import in_words
from operations.console.look.telling import counted
from operations.console.look.things import box, button, told, words
from operations.console.visit import Visit


def offer_deeds(visit: Visit, basket_id: str, then: Callable[[], object]) -> None:
    """`then` is called after the basket was changed."""
    button("Verify", partial(_verify, visit, basket_id), symbol="rule")
    button("Forget …", partial(_forget, visit, basket_id, then), kind="deed danger", symbol="person_off")


async def _verify(visit: Visit, basket_id: str) -> None:
    """Folds the basket's events again, and says whether all that is derived from them equals it."""
    try:
        verified = await visit.parts.verification.verify([basket_id])
    except CheckoutError as error:
        ui.notify(in_words(error), type="negative", position="top")
        return
    with ui.dialog() as dialog, ui.card(), box("sheet"):
        dialog.on("hide", dialog.delete)
        words("Verify", tag="h2")
        events = counted(verified.events, "event")
        if verified.drifts:
            told(
                "Something is not as the events say.",
                "bad",
                "error",
                *(each.words for each in verified.drifts),
            )
            words("checkout verify --repair mends views that differ.", "soft small", tag="p")
        elif verified.lagging:
            told(
                f"The view lags behind the {events} of the store; all that it says is right.",
                "warn",
                "schedule",
            )
        else:
            told(f"The view equals the fold of its {events}.", "good", "check_circle")
        with box("deeds"):
            button("Close", dialog.close)
    dialog.open()


def _forget(visit: Visit, basket_id: str, then: Callable[[], object]) -> None:
    async def do(operator: Operator) -> Came:
        forgotten = await visit.parts.forgetting.forget(TheseBaskets(basket_ids=(basket_id,)), operator)
        if forgotten.unchanged:
            return Came("It had been forgotten before, and holds nothing new.", "news")
        if forgotten.stored_in_the_clear:
            words = "It is forgotten. Events from before its data was sealed still lie in the database as they came."
            return Came(words, "warn")
        return Came("It is forgotten: the key is destroyed.")

    question = Question(
        "Forget its personal data",
        "What tracking and custom fields hold is gone for good: from history, views, answers and whatever is"
        " published from now on. The basket and its history stay countable.",
        "Forget for good",
        danger=True,
        confirm=basket_id,
    )
    ask(visit, question, do, then)
