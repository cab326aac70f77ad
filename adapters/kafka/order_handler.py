"""Settles what order services report, and makes the result that they are sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

import structlog

from adapters.kafka.command_messages import MAX_COMMAND_ID_LENGTH, MAX_SOURCE_LENGTH, storable_header
from adapters.kafka.messages import Message, Received
from adapters.kafka.order_messages import DecidedOrder, OrderNotice, order_result_message, render_result
from adapters.metrics.process_metrics import ORDERS
from adapters.wire.trace_context import continue_trace
from domain.basket.commands import Caller
from domain.basket.handlers import BasketHandlers
from domain.basket.orders import OrderRefusal, OrderReport
from domain.ports.archive import ArchiveDamaged
from domain.ports.event_store import IdempotencyKey
from domain.ports.messaging import DeadLetter
from domain.ports.promises import InvalidPromise, PromiseVerifier
from domain.shared.values import NewId, parse_timestamp

SCOPE = "kafka:checkout.orders.v1"

BringBack = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Brings those of some baskets back that are in the archive, and returns them. Raises Unavailable and ArchiveDamaged."""

_LETTER_CODES: dict[OrderRefusal, str] = {"already_completed": "other_order"}
"""The codes of dead letters that have another name than the refusal."""

_log = structlog.get_logger("adapters.kafka.order_handler")


@dataclass(frozen=True, slots=True)
class SettledOrder:
    """The result's message, and the dead letter of a report whose sender may not read results. `refused` says why the
    report had no effect."""

    result: Message
    letter: DeadLetter | None = None
    refused: str | None = None


class OrderHandler:
    """Completes baskets and opens them again. A report is settled once, and its result can be made again: it is stored
    with the change. A report is known by its `ce_source`, `ce_id` and content, else by its place in the topic."""

    def __init__(
        self, handlers: BasketHandlers, promises: PromiseVerifier, bring_back: BringBack, new_id: NewId
    ) -> None:
        """`bring_back` returns baskets from the archive to the store, so that a late report has its effect."""
        self._handlers = handlers
        self._promises = promises
        self._bring_back = bring_back
        self._new_id = new_id

    async def settle(self, order: OrderNotice, received: Received, *, retry: str | None = None) -> SettledOrder:
        """Settles the report. `retry` names an operator's retry of it, which decides anew.

        Raises Unavailable, VersionConflict, RequestInProgress and AnsweredElsewhere if it must be tried again.
        """
        message, source = received.message, received.source
        trace = continue_trace(message.header("traceparent"), message.header("ce_correlationid"), self._new_id)
        structlog.contextvars.bind_contextvars(basket=order.basket_id, trace=trace.trace_id)
        place = f"{source.topic}/{source.partition}/{source.offset}"
        # Headers that cannot be stored are left out: the order was placed all the same.
        sender = storable_header(message, "ce_source", MAX_SOURCE_LENGTH)
        message_id = storable_header(message, "ce_id", MAX_COMMAND_ID_LENGTH)
        caller = Caller(
            partner="",  # the basket's own is recorded
            actor=f"kafka:{sender or 'orders'}",
            correlation_id=trace.correlation_id,
            causation_id=message_id or place,
            traceparent=trace.traceparent,
        )
        digest = _digest(message)
        if retry is not None:
            name = message_name = f"{retry}/{self._new_id()}"
        else:
            name, message_name = _name(received, digest.hex(), sender, message_id), received.name
        key = IdempotencyKey(SCOPE, name, digest)
        render = partial(render_result, ignored=order.ignored)
        damaged: str | None = None
        try:
            await self._bring_back([order.basket_id])
        except ArchiveDamaged as error:
            # The report is answered like one about an unknown basket: waiting for an operator would hold up all others.
            damaged = str(error)
            _log.error("a basket cannot be brought back from the archive", error=damaged)

        async def came_back() -> bool:
            """It may have moved to the archive just now."""
            return damaged is None and bool(await self._bring_back([order.basket_id]))

        response = await self._handlers.settle_order(self._report(order, received), caller, render, key, came_back)
        decided = DecidedOrder.read(response)
        ORDERS.labels(decided.outcome).inc()
        _log.info("order", status=decided.status, outcome=decided.outcome, code=decided.code)
        result = order_result_message(
            decided,
            name=message_name,
            basket_id=order.basket_id,
            correlation_id=message_id or place,
            traceparent=trace.traceparent,
        )
        if damaged is not None:
            letter: DeadLetter | None = received.dead_letter("archive_damaged", f"{order.basket_id}: {damaged}")
        else:
            letter = _letter(order, decided, received)
        return SettledOrder(result, letter, decided.why)

    def _report(self, order: OrderNotice, received: Received) -> OrderReport:
        said = order.message
        version, invalid_promise = said.basket_version, False
        if said.promise is not None:
            try:
                promise = self._promises.verify(said.promise)
                invalid_promise = promise.basket_id != order.basket_id or version not in (None, promise.basket_version)
                version = version or promise.basket_version
            except InvalidPromise:
                invalid_promise = True
        return OrderReport(
            order.basket_id,
            said.order_id,
            said.status,
            version,
            _placed_at(received),
            said.reason if said.status == "rejected" else None,
            invalid_promise,
        )


def _placed_at(received: Received) -> datetime | None:
    """The time of the report's event, else of its message."""
    try:
        return parse_timestamp(received.message.header("ce_time") or "")
    except ValueError:
        return received.at


def _name(received: Received, digest: str, sender: str | None, message_id: str | None) -> str:
    """What names the report, so that it is settled once."""
    if sender is not None and message_id is not None:
        # CloudEvents: source and id name one event. A sender that uses an id twice still sends two reports.
        return sha256(f"{sender}\x1f{message_id}\x1f{digest}".encode()).hexdigest()
    return f"{received.name}/{digest[:16]}"


def _digest(message: Message) -> bytes:
    parts = (message.key or b"", message.value or b"", (message.header("ce_time") or "").encode())
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


def _letter(order: OrderNotice, decided: DecidedOrder, received: Received) -> DeadLetter | None:
    """Who names no version may know nothing of results. An order that is placed and has no basket then needs an
    operator."""
    if decided.code is None or decided.status == "rejected" or order.names_a_version:
        return None
    return received.dead_letter(_LETTER_CODES.get(decided.code, decided.code), f"{order.basket_id}: {decided.why}")
