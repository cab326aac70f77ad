"""The messages of order services: an order was placed, so its basket becomes completed."""

from __future__ import annotations

from typing import Annotated

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from adapters.kafka.command_messages import MAX_COMMAND_ID_LENGTH, MAX_SOURCE_LENGTH, storable_header
from adapters.kafka.messages import Received
from adapters.wire.strict_json import InvalidJson, read_json
from adapters.wire.trace_context import continue_trace
from adapters.wire.validation_messages import describe_validation_error
from domain.basket.commands import Caller
from domain.basket.handlers import BasketHandlers
from domain.basket.orders import OrderReport, OrderResult
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.ports.messaging import DeadLetter
from domain.shared.values import BasketId, NewId, NewIdentifier, normalize_id


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


class OrderPlacedHandler:
    """Completes baskets. The same order twice is one order."""

    def __init__(self, handlers: BasketHandlers, new_id: NewId) -> None:
        self._handlers = handlers
        self._new_id = new_id

    async def complete(self, order: OrderPlaced, received: Received) -> DeadLetter | None:
        """Completes the basket, or returns why that is not possible; raises Unavailable where it must be retried."""
        message, source = received.message, received.source
        trace = continue_trace(message.header("traceparent"), message.header("ce_correlationid"), self._new_id)
        structlog.contextvars.bind_contextvars(basket=order.basket_id, trace=trace.trace_id)
        caller = Caller(
            partner="",  # the basket's own is recorded
            actor=f"kafka:{storable_header(message, 'ce_source', MAX_SOURCE_LENGTH) or 'orders'}",
            correlation_id=trace.correlation_id,
            # Headers that cannot be stored are left out: the order was placed all the same.
            causation_id=storable_header(message, "ce_id", MAX_COMMAND_ID_LENGTH)
            or f"{source.topic}/{source.partition}/{source.offset}",
            traceparent=trace.traceparent,
        )
        results: list[OrderResult] = []

        def render(result: OrderResult) -> RenderedResponse:
            results.append(result)
            return RenderedResponse(200, {}, b"{}")

        key = IdempotencyKey("orders", f"{source.topic}/{source.partition}/{source.offset}", b"")
        await self._handlers.settle_order(OrderReport(order.basket_id, order.order_id), caller, render, key)
        if not results or results[0].code is None:
            return None
        if results[0].code == "basket_not_found":
            return received.dead_letter("basket_not_found", f"there is no basket {order.basket_id}")
        return received.dead_letter("other_order", f"basket {order.basket_id} is over, from another order")
