"""The actions of an update, and the commands that they become."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from adapters.wire.requests import (
    DetailsRequest,
    ItemRequest,
    LineId,
    MoneyRequest,
    NewQuantity,
    OfferRequest,
    Quantity,
    RequestModel,
)
from domain.basket.commands import (
    NO_PRECONDITIONS,
    Action,
    AddItem,
    ChangeQuantity,
    ClearItems,
    ExpectPrice,
    Preconditions,
    RemoveItem,
    SwapItem,
    UpdateBasket,
    UpdateDetails,
)


class AddAction(ItemRequest):
    """Adds an offer, or raises the quantity of its line (same offer version, type and parent)."""

    order_item_action_type: Literal["add"]
    """The kind of action."""

    def to_action(self) -> Action:
        return AddItem(self.to_item())


class RemoveAction(RequestModel):
    """Removes a line, and an offer's add-ons along with it."""

    order_item_action_type: Literal["remove"]
    """The kind of action."""
    id: LineId
    """The line to remove."""

    def to_action(self) -> Action:
        return RemoveItem(self.id)


class ChangeQuantityAction(RequestModel):
    """Sets the quantity of a line; 0 removes it."""

    order_item_action_type: Literal["change_quantity"]
    """The kind of action."""
    id: LineId
    """The line to change."""
    quantity: NewQuantity
    """The new quantity; 0 removes the line."""
    expected_price: MoneyRequest | None = None
    """The price of one that the caller expects. If it is the current price, the line gets it."""

    def to_action(self) -> Action:
        expected = self.expected_price.to_price() if self.expected_price else None
        return ChangeQuantity(self.id, self.quantity, expected)


class SwapAction(RequestModel):
    """Puts another offer, or another version, into a line at its current price. Add-ons that the new offer does not
    carry leave."""

    order_item_action_type: Literal["swap"]
    """The kind of action."""
    id: LineId
    """The line to change."""
    offer: OfferRequest
    """The offer version that the line shall hold."""
    quantity: Quantity | None = None
    """The new quantity; left out, it stays."""

    def to_action(self) -> Action:
        return SwapItem(self.id, self.offer.to_ref(), self.quantity)


class ClearAction(RequestModel):
    """Removes all lines."""

    order_item_action_type: Literal["clear"]
    """The kind of action."""

    def to_action(self) -> Action:
        return ClearItems()


class UpdateDetailsAction(RequestModel):
    """Sets the details that `order` names, null removes one, and leaves the rest."""

    order_item_action_type: Literal["update_details"]
    """The kind of action."""
    order: DetailsRequest
    """The details to set."""

    def to_action(self) -> Action:
        return UpdateDetails(self.order.to_changes())


class ExpectPriceAction(RequestModel):
    """Says which price the caller expects. If it is the current price, the line gets it; else validation says that
    they differ."""

    order_item_action_type: Literal["expect_price"]
    """The kind of action."""
    id: LineId
    """The line of the price."""
    expected_price: MoneyRequest
    """The price of one that the caller expects."""

    def to_action(self) -> Action:
        return ExpectPrice(self.id, self.expected_price.to_price())


ActionRequest = Annotated[
    AddAction
    | RemoveAction
    | ChangeQuantityAction
    | SwapAction
    | ClearAction
    | UpdateDetailsAction
    | ExpectPriceAction,
    Field(discriminator="order_item_action_type"),
]


class UpdateRequest(RequestModel):
    """Apply actions to a basket: all of them, or none."""

    order_item_actions: list[ActionRequest]
    """The actions, in the order in which they are applied."""

    def to_command(
        self,
        *,
        basket_id: str,
        preconditions: Preconditions = NO_PRECONDITIONS,
        include_findings: bool = False,
    ) -> UpdateBasket:
        actions = tuple(action.to_action() for action in self.order_item_actions)
        return UpdateBasket(basket_id, actions, preconditions, include_findings)
