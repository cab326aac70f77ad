"""Which offers an update needs to know, and how recent they must be. Pure."""

from __future__ import annotations

from domain.basket.basket import Basket
from domain.basket.commands import Action, AddItem, ChangeQuantity, ExpectPrice, SwapItem
from domain.shared.money import ExpectedPrice


def need_present_facts(actions: tuple[Action, ...]) -> bool:
    """Whether an action depends on what the catalogue says now: it swaps, or may accept a price."""
    return any(isinstance(action, SwapItem) or _expected_price(action) is not None for action in actions)


def offers_of_actions(actions: tuple[Action, ...]) -> set[str]:
    """The ids of the offers that the actions put into the basket."""
    return {action.item.offer.id for action in actions if isinstance(action, AddItem)} | {
        action.offer.id for action in actions if isinstance(action, SwapItem)
    }


def offers_of_lines(basket: Basket, actions: tuple[Action, ...]) -> set[str]:
    """The ids of the offers on the lines whose price an action accepts, and on all add-ons if an action swaps: those
    of a swapped line may have to leave."""
    swaps = any(isinstance(action, SwapItem) for action in actions)
    repriced = {
        action.id.lower()
        for action in actions
        if isinstance(action, ChangeQuantity | ExpectPrice) and _expected_price(action) is not None
    }
    return {
        line.offer.id
        for line in basket.items.values()
        if (swaps and line.type == "add_on") or line.id.lower() in repriced
    }


def _expected_price(action: Action) -> ExpectedPrice | None:
    match action:
        case AddItem(item=item):
            return item.expected_price
        case ChangeQuantity(expected_price=price) | ExpectPrice(price=price):
            return price
        case _:
            return None
