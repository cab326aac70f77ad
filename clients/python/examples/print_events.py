"""Prints basket events as they happen: `eval $(checkout env)`, then run it. Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import os
import signal

from checkout_client.kafka import EventReader, KafkaConnection, Request
from checkout_client.models import UnknownEvent
from checkout_client.models.events import BasketValidated, OrderItemAdded, OrderItemQuantityChanged


def describe(request: Request) -> list[str]:
    """A line for each event of a request."""
    lines = []
    for message in request.events:
        context, event = message.context, message.data
        match event:
            case OrderItemAdded():
                words = f"{event.order_item.quantity} × {event.order_item.offer.id}"
            case OrderItemQuantityChanged():
                words = f"{event.before} → {event.after}"
            case BasketValidated():
                words = "ready" if event.ready else "not ready"
            case UnknownEvent():
                words = "a type that this kit does not know yet"
            case _:
                words = ""
        place = f"{context.request_index or 1}/{context.request_count or 1}"
        kind = event.type.removeprefix("checkout.").removesuffix(".v1")
        lines.append(f"{context.time:%H:%M:%S} {event.basket_id} {event.version:>4} ({place}) {kind} {words}".rstrip())
    return lines


async def main() -> None:
    # A group shares the work among processes and goes on where it ended. GROUP= reads everything anew.
    group = os.environ.get("GROUP") or None
    async with EventReader(KafkaConnection.from_environment(), group=group) as reader:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, reader.stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, reader.stop)
        async for request in reader:
            print("\n".join(describe(request)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
