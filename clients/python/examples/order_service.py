"""An order service: places an order from every ready basket, and reports it. `eval $(checkout env)`, then run it.

Start it again at any moment: an order has the id of its basket's version, so that it is placed and reported once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from datetime import UTC, datetime

from checkout_client.jwks import RemoteJwkSet
from checkout_client.kafka import KafkaConnection, OrderReporter, VerdictMessage, VerdictReader
from checkout_client.models.commands import OrderReport
from checkout_client.promises import PromiseChecker

TABLE = "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, placed_at TEXT NOT NULL, outcome TEXT)"


class OrderService:
    """Keeps its orders in a database of its own."""

    def __init__(self, path: str, reporter: OrderReporter) -> None:
        self._orders = sqlite3.connect(path)
        self._orders.execute(TABLE)
        self._reporter = reporter

    async def handle(self, message: VerdictMessage) -> None:
        """Places the order of a ready basket, unless the verdict's promise does not count, or no more."""
        verdict = message.data
        if not verdict.ready:
            return
        if message.promise is None:
            print(f"no order from {verdict.id}: {message.refused}", flush=True)
            return
        order_id = f"{verdict.id}-{verdict.basket_version}"
        placed_at, outcome = self._place(order_id)
        if outcome is None:
            # After a crash the same report is sent again, and gets the same result.
            report = OrderReport(basket_id=verdict.id, order_id=order_id, promise=verdict.promise)
            result = await self._reporter.report(report, placed_at=placed_at)
            outcome = result.code or result.outcome
            with self._orders:
                self._orders.execute("UPDATE orders SET outcome = ? WHERE id = ?", (outcome, order_id))
        print(f"order {order_id}: {outcome}", flush=True)

    def _place(self, order_id: str) -> tuple[datetime, str | None]:
        """When the order was placed, and what became of the report: None if that is not known yet."""
        with self._orders:
            now = datetime.now(UTC).isoformat()
            self._orders.execute("INSERT OR IGNORE INTO orders (id, placed_at) VALUES (?, ?)", (order_id, now))
            found = self._orders.execute("SELECT placed_at, outcome FROM orders WHERE id = ?", (order_id,))
            placed_at, outcome = found.fetchone()
        return datetime.fromisoformat(placed_at), outcome


async def main() -> None:
    connection = KafkaConnection.from_environment()
    promises = PromiseChecker(RemoteJwkSet(f"{os.environ['CHECKOUT_URL']}/.well-known/jwks.json"))
    reader = VerdictReader(connection, group="example-orders", promises=promises)
    async with OrderReporter(connection, source="/example/orders") as reporter, reader:
        service = OrderService(os.environ.get("ORDERS_DB", "orders.sqlite"), reporter)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, reader.stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, reader.stop)
        await reader.run(service.handle, concurrency=8)


if __name__ == "__main__":
    asyncio.run(main())
