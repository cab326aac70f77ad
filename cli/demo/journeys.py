"""What the two partner organisations do: one basket that ends ready and becomes an order, one that does not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from cli.demo.presenter import Document, Presenter

SAMPLE = Path(__file__).parent / "sample"
CURRENCY, COUNTRY = "USD", "US"


def sample_baskets(partner: str) -> list[Document]:
    """The sample's real baskets of one store."""
    lines = (SAMPLE / "baskets.jsonl").read_text(encoding="utf-8").splitlines()
    return [basket for basket in map(json.loads, lines) if basket["partner"] == partner]


def sample_catalogue() -> dict[str, Document]:
    """The sample's availability facts by product code, and price facts by offer id."""
    facts = map(json.loads, (SAMPLE / "catalogue.jsonl").read_text(encoding="utf-8").splitlines())
    named = {"availability": "productCode", "price": "offerId"}
    return {fact[named[fact["kind"]]]: fact for fact in facts if fact["kind"] in named}


def next_week_prices() -> set[str]:
    """The offers whose price changes a week later."""
    lines = (SAMPLE / "next-week.jsonl").read_text(encoding="utf-8").splitlines()
    return {fact["offerId"] for fact in map(json.loads, lines)}


@dataclass
class DemoPartner:
    """A partner organisation's gateway: calls the API and shows each call."""

    name: str
    client: httpx.AsyncClient
    stage: Presenter
    seen: list[httpx.Response] = field(default_factory=list)

    async def call(
        self, method: str, path: str, expected: int, note: str, *, body: object = None, **headers: str
    ) -> Document:
        """Calls, shows the call and what it answered, and notices another status than expected."""
        answer = await self.client.request(
            method,
            path,
            json=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        self.stage.call(
            self.name, f"{method} {path.replace('/partner/checkout', '…')}", answer.status_code, note
        )
        self.stage.expect(
            answer.status_code == expected,
            f"{method} {path} answered {answer.status_code}: {answer.text[:300]}",
        )
        self.seen.append(answer)
        document: Document = answer.json()
        return document


def initiate_body(basket: Document) -> Document:
    return {
        "order": {
            "orderItems": basket["orderItems"],
            "external_id": basket["external_id"],
            "country": COUNTRY,
            "currency": CURRENCY,
            "source": "demo",
            "order_type": "new",
        }
    }


async def ready_journey(partner: DemoPartner, stage: Presenter) -> tuple[str, Document]:
    """Initiate, retry, update, read, validate: a basket that ends ready. Returns its id and its verdict."""
    basket, more = sample_baskets(partner.name)[:2]
    key = str(uuid.uuid4())
    body = initiate_body(basket)
    first = await partner.call(
        "POST", "/partner/checkout/initiate", 200, "a real basket", body=body, Idempotency_Key=key
    )
    again = await partner.call(
        "POST", "/partner/checkout/initiate", 200, "the same again: replayed", body=body, Idempotency_Key=key
    )
    stage.expect(first == again, "a retried initiate gave another basket")
    stage.expect(
        partner.seen[-1].headers.get("Idempotent-Replayed") == "true", "the retry was not marked as replayed"
    )
    basket_id = first["id"]
    order = (await partner.call("GET", f"/partner/checkout/{basket_id}", 200, "the basket"))["order"]
    etag = partner.seen[-1].headers["ETag"]
    extra = next(
        item
        for item in more["orderItems"]
        if item["offer"] not in [line["offer"] for line in basket["orderItems"]]
    )
    actions = [
        {"orderItemActionType": "add", **extra},
        {
            "orderItemActionType": "change_quantity",
            "id": order["orderItems"][0]["id"],
            "quantity": order["orderItems"][0]["quantity"] + 1,
        },
        {"orderItemActionType": "remove", "id": order["orderItems"][-1]["id"]},
    ]
    updated = await partner.call(
        "PUT",
        "/partner/checkout/update",
        200,
        "add one, change one, remove one",
        body={"orderItemActions": actions},
        If_Match=etag,
    )
    await partner.call(
        "PUT",
        "/partner/checkout/update",
        412,
        "an old ETag is told so",
        body={"orderItemActions": actions[:1]},
        If_Match=etag,
    )
    stage.order(f"{partner.name}: {basket_id}", updated["order"])
    verdict = await partner.call("POST", f"/partner/checkout/validate/{basket_id}", 200, "judge it")
    stage.findings(verdict)
    stage.expect(verdict["ready"] is True, "the basket of the first organisation should be ready")
    return basket_id, verdict


async def not_ready_journey(
    partner: DemoPartner, stage: Presenter, prices_change: Callable[[], Awaitable[None]]
) -> tuple[str, Document]:
    """A basket with a blocked product; then prices change before it is validated."""
    basket = _troubled_basket(partner.name)
    initiated = await partner.call(
        "POST", "/partner/checkout/initiate", 200, "a real basket", body=initiate_body(basket)
    )
    basket_id = initiated["id"]
    stage.say("  … the catalogue publishes next week's real prices …")
    await prices_change()
    verdict = await partner.call("POST", f"/partner/checkout/validate/{basket_id}", 200, "judge it")
    stage.findings(verdict)
    codes = {finding["code"] for finding in [*verdict["blockedProducts"], *verdict["validationErrors"]]}
    stage.expect(verdict["ready"] is False, "the basket of the second organisation should not be ready")
    stage.expect(
        {"product_blocked", "price_changed"} <= codes, f"expected a block and a new price, not {codes}"
    )
    return basket_id, verdict


def _troubled_basket(partner: str) -> Document:
    """A real basket with a blocked product and a price that will change, made of two where none has both."""
    facts, changing = sample_catalogue(), next_week_prices()

    def blocked(item: Document) -> bool:
        code = item["offer"]["id"].replace("o-", "SKU-")
        return bool(facts[code]["status"] == "blocked")

    def changes(item: Document) -> bool:
        return item["offer"]["id"] in changing

    baskets = sample_baskets(partner)
    basket = next(basket for basket in baskets if any(map(blocked, basket["orderItems"])))
    if not any(map(changes, basket["orderItems"])):
        items = (item for other in baskets for item in other["orderItems"])
        basket["orderItems"].append(next(item for item in items if changes(item) and not blocked(item)))
    return basket


def first_items(partner: str) -> list[Any]:
    """The first two lines of the store's third basket, for the commands that the demo prints."""
    items: list[Any] = sample_baskets(partner)[2]["orderItems"][:2]
    return items
