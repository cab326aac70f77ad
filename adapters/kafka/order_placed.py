"""Handles the message of an order service: the basket that the order was placed from becomes completed."""

from __future__ import annotations

import structlog

from adapters.kafka.command_messages import MAX_COMMAND_ID_LENGTH, MAX_SOURCE_LENGTH, storable_header
from adapters.kafka.messages import Received
from adapters.wire.order_placed import OrderPlaced
from adapters.wire.trace_context import continue_trace
from domain.basket.commands import Caller
from domain.basket.handlers import BasketHandlers
from domain.ports.messaging import DeadLetter
from domain.shared.errors import BasketFinished, BasketNotFound
from domain.shared.values import NewId


class OrderPlacedHandler:
    """Completes baskets. The same order twice is one order."""

    def __init__(self, handlers: BasketHandlers, new_id: NewId) -> None:
        self._handlers = handlers
        self._new_id = new_id

    async def complete(self, order: OrderPlaced, received: Received) -> DeadLetter | None:
        """Completes the basket, or returns why that is not possible; raises Unavailable where it must be retried."""
        message, source = received.message, received.source
        trace = continue_trace(
            message.header("traceparent"), message.header("ce_correlationid"), self._new_id
        )
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
        try:
            await self._handlers.complete(order.basket_id, order.order_id, caller)
        except BasketNotFound as error:
            return received.dead_letter("basket_not_found", str(error))
        except BasketFinished as error:
            return received.dead_letter("other_order", f"{error}, from another order")
        return None
