"""What an operator may do to one basket."""

from __future__ import annotations

from nicegui import ui

from domain.errors import CheckoutError
from operations.console.look.places import in_words
from operations.console.look.telling import counted
from operations.console.look.things import box, button, told, words
from operations.console.visit import Visit


def offer_deeds(visit: Visit, basket_id: str) -> None:
    button("Verify", lambda: _verify(visit, basket_id), symbol="rule")


async def _verify(visit: Visit, basket_id: str) -> None:
    """Folds the basket's events again, and says whether all that is derived from them equals it."""
    with ui.dialog() as dialog, ui.card(), box("sheet"):
        words("Verify", tag="h2")
        try:
            verified = await visit.parts.verification.verify([basket_id])
        except CheckoutError as error:
            told(in_words(error), "bad", "error")
        else:
            events = counted(verified.events, "event")
            if verified.drifts:
                told(
                    "Something is not as the events say.", "bad", "error", *(d.words for d in verified.drifts)
                )
            elif verified.lagging:
                told(
                    f"The view lags behind the {events} of the store; all that it says is right.",
                    "warn",
                    "schedule",
                )
            else:
                told(f"The view equals the fold of its {events}.", "good", "check_circle")
            words("`checkout verify --repair` mends views that differ.", "soft small")
        with box("deeds"):
            button("Close", dialog.close)
    dialog.on("hide", dialog.delete)
    dialog.open()
