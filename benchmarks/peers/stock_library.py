"""An update with the stock eventsourcing library: its Application, its Aggregate, its recorder for PostgreSQL, behind a
FastAPI route. The library is synchronous, so that FastAPI runs the route in its threads. Its baskets are not cached, as
is its default."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import FastAPI
from pydantic import BaseModel

LINES = [
    {
        "id": UUID(int=number),
        "type": "offer",
        "quantity": 2,
        "offer": {"id": f"0-{number}", "version": "v-1", "name": f"Offer 0-{number}", "path": f"/offers/0-{number}"},
        "price": {"amount": Decimal("10.00"), "currency": "GBP", "interval": None},
    }
    for number in range(3)
]


class StockBasket(Aggregate):
    """Three lines of one offer each."""

    @event("Initiated")
    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.lines = lines

    @event("QuantityChanged")
    def change_quantity(self, line: int, quantity: int) -> None:
        self.lines[line]["quantity"] = quantity


class StockBaskets(Application[UUID]):
    """Baskets by their ids."""

    def initiate(self) -> UUID:
        basket = StockBasket(LINES)
        self.save(basket)
        return basket.id

    def change_quantity(self, id: UUID, line: int, quantity: int) -> StockBasket:
        basket: StockBasket = self.repository.get(id)
        basket.change_quantity(line, quantity)
        self.save(basket)
        return basket


class ChangeRequest(BaseModel):
    """The body of an update."""

    id: UUID
    line: int
    quantity: int


def stock_library_app(database_url: str) -> FastAPI:
    """Answers `POST /initiate` and `PUT /update`."""
    url = urlsplit(database_url)
    baskets = StockBaskets(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": url.path.lstrip("/"),
            "POSTGRES_HOST": url.hostname or "127.0.0.1",
            "POSTGRES_PORT": str(url.port or 5432),
            "POSTGRES_USER": unquote(url.username or "postgres"),
            "POSTGRES_PASSWORD": unquote(url.password or "none"),
            "POSTGRES_POOL_SIZE": "10",
        }
    )

    @contextlib.asynccontextmanager
    async def closing(_: FastAPI) -> Any:
        with baskets:
            yield

    app = FastAPI(lifespan=closing)

    @app.post("/initiate")
    def initiate() -> dict[str, str]:
        return {"id": str(baskets.initiate())}

    @app.put("/update")
    def update(change: ChangeRequest) -> dict[str, Any]:
        basket = baskets.change_quantity(change.id, change.line, change.quantity)
        total = sum(line["price"]["amount"] * line["quantity"] for line in basket.lines)
        return {"id": basket.id, "version": basket.version, "orderItems": basket.lines, "total": total}

    return app
