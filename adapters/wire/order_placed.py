"""What an order service says when an order was placed."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from adapters.wire.strict_json import InvalidJson, read_json
from adapters.wire.validation_messages import describe_validation_error
from domain.shared.values import BasketId, NewIdentifier, normalize_id


class InvalidOrderMessage(ValueError):
    """A message of the orders topic that cannot be understood; the text says why."""


class OrderPlaced(BaseModel):
    """An order and its basket, from the message's key and value."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    basket_id: Annotated[BasketId, AfterValidator(normalize_id)]
    order_id: NewIdentifier


class OrderMessage(BaseModel):
    """An order was placed from a basket, as an order service says it."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, use_attribute_docstrings=True)

    basket_id: BasketId | None = None
    """The basket that the order was placed from; where it is left out the message's key names it."""
    order_id: NewIdentifier
    """The order's id."""


def parse_order(key: bytes | None, value: bytes | None) -> OrderPlaced:
    """The key names the basket. If the value names it too, both must agree. Raises InvalidOrderMessage."""
    try:
        read_json(value or b"")
        said = OrderMessage.model_validate_json(value or b"")
        named = normalize_id(key.decode()) if key else said.basket_id
        order = OrderPlaced.model_validate({"basketId": named, "orderId": said.order_id})
    except ValidationError as error:
        raise InvalidOrderMessage(describe_validation_error(error)) from error
    except InvalidJson as error:
        raise InvalidOrderMessage(str(error)) from error
    except UnicodeDecodeError as error:
        raise InvalidOrderMessage("the key is no text") from error
    if said.basket_id is not None and normalize_id(said.basket_id) != order.basket_id:
        raise InvalidOrderMessage(f"the key names {order.basket_id}, the value {said.basket_id}")
    return order
