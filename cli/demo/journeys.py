"""The journeys of two partner organisations: one basket becomes an order, the other does not get ready."""

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
_ROOT = "/partner/checkout"


def sample_baskets(partner: str) -> list[Document]:
    """The sample's real baskets of one store."""
    return [basket for basket in _read("baskets") if basket["partner"] == partner]


def sample_catalogue() -> dict[str, Document]:
    """The sample's availability facts by product code, and price facts by offer id."""
    ids = {"availability": "productCode", "price": "offerId"}
    return {fact[ids[fact["kind"]]]: fact for fact in _read("catalogue") if fact["kind"] in ids}


def next_week_prices() -> set[str]:
    """The offers whose price changes a week later."""
    return {fact["offerId"] for fact in _read("next-week")}


def _read(name: str) -> list[Document]:
    return [json.loads(line) for line in (SAMPLE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@dataclass
class DemoPartner:
    """The gateway of a partner organisation: calls the API and shows each call."""

    name: str
    client: httpx.AsyncClient
    presenter: Presenter
    responses: list[httpx.Response] = field(default_factory=list)

    async def call(
        self, method: str, path: str, expected: int, note: str, *, body: object = None, **headers: str
    ) -> Document:
        """Returns the JSON of the response. Expects this status."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.client.request(method, f"{_ROOT}{path}", json=body, headers=sent)
        status = response.status_code
        self.presenter.call(self.name, f"{method} …{path}", status, note)
        failure = f"{method} {_ROOT}{path} responded with {status}: {response.text[:300]}"
        self.presenter.expect(status == expected, failure)
        self.responses.append(response)
        document: Document = response.json()
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


async def ready_journey(partner: DemoPartner, presenter: Presenter) -> tuple[str, Document]:
    """Initiates, retries, updates, reads and validates a basket. Returns its id and its verdict."""
    basket, more = sample_baskets(partner.name)[:2]
    key = str(uuid.uuid4())
    body = initiate_body(basket)
    first = await partner.call("POST", "/initiate", 200, "a real basket", body=body, Idempotency_Key=key)
    again = await partner.call("POST", "/initiate", 200, "the same again: replayed", body=body, Idempotency_Key=key)
    presenter.expect(first == again, "a retried initiate gave another basket")
    replayed = partner.responses[-1].headers.get("Idempotent-Replayed") == "true"
    presenter.expect(replayed, "the retry was not marked as replayed")
    basket_id = first["id"]
    order = (await partner.call("GET", f"/{basket_id}", 200, "the basket"))["order"]
    etag = partner.responses[-1].headers["ETag"]
    offers = [line["offer"] for line in basket["orderItems"]]
    extra = next(item for item in more["orderItems"] if item["offer"] not in offers)
    lines = order["orderItems"]
    quantity = lines[0]["quantity"] + 1
    actions = [
        {"orderItemActionType": "add", **extra},
        {"orderItemActionType": "change_quantity", "id": lines[0]["id"], "quantity": quantity},
        {"orderItemActionType": "remove", "id": lines[-1]["id"]},
    ]
    body = {"orderItemActions": actions}
    note = "add one, change one, remove one"
    updated = await partner.call("PUT", "/update", 200, note, body=body, If_Match=etag)
    body = {"orderItemActions": actions[:1]}
    await partner.call("PUT", "/update", 412, "an old ETag is rejected", body=body, If_Match=etag)
    presenter.order(f"{partner.name}: {basket_id}", updated["order"])
    verdict = await partner.call("POST", f"/validate/{basket_id}", 200, "validate it")
    presenter.verdict(verdict)
    presenter.expect(verdict["ready"] is True, "the basket of the first organisation should be ready")
    return basket_id, verdict


async def not_ready_journey(
    partner: DemoPartner, presenter: Presenter, change_prices: Callable[[], Awaitable[None]]
) -> tuple[str, Document]:
    """Initiates a basket with a blocked product, changes prices, validates, and sends the verdict's remedy. Returns
    the basket's id and its verdict."""
    body = initiate_body(_blocked_basket(partner.name))
    basket_id = (await partner.call("POST", "/initiate", 200, "a real basket", body=body))["id"]
    presenter.say("  … the catalogue publishes next week's real prices …")
    await change_prices()
    verdict = await partner.call("POST", f"/validate/{basket_id}", 200, "validate it")
    presenter.verdict(verdict)
    codes = {finding["code"] for finding in [*verdict["blockedProducts"], *verdict["validationErrors"]]}
    presenter.expect(verdict["ready"] is False, "the basket of the second organisation should not be ready")
    presenter.expect({"product_blocked", "price_changed"} <= codes, f"expected a block and a new price, not {codes}")
    await _send_remedy(partner, presenter, verdict["remedy"])
    return basket_id, verdict


async def _send_remedy(partner: DemoPartner, presenter: Presenter, remedy: Document) -> None:
    """As it stands. The answer must be what the remedy says, with what a validation would find now."""
    leads_to, body = remedy["leadsTo"], {"orderItemActions": remedy["orderItemActions"]}
    note = "the verdict's remedy: accept the new prices"
    mended = await partner.call("PUT", "/update?include=findings", 200, note, body=body, If_Match=remedy["ifMatch"])
    findings = mended["findings"]
    left = sorted({finding["code"] for finding in [*findings["blockedProducts"], *findings["validationErrors"]]})
    presenter.say(f"  … what is left is the seller's: {', '.join(left)} …")
    became = {"ready": findings["ready"], "total": mended["order"]["total"], "remaining": left}
    presenter.expect(became == leads_to, f"the remedy said {leads_to}, and led to {became}")


def _blocked_basket(partner: str) -> Document:
    """A real basket with a blocked product and a price that will change; made of two where none has both."""
    facts, changing = sample_catalogue(), next_week_prices()

    def is_blocked(item: Document) -> bool:
        code = item["offer"]["id"].replace("o-", "SKU-")
        return bool(facts[code]["status"] == "blocked")

    def changes(item: Document) -> bool:
        return item["offer"]["id"] in changing

    baskets = sample_baskets(partner)
    basket = next(basket for basket in baskets if any(map(is_blocked, basket["orderItems"])))
    if not any(map(changes, basket["orderItems"])):
        items = (item for other in baskets for item in other["orderItems"])
        basket["orderItems"].append(next(item for item in items if changes(item) and not is_blocked(item)))
    return basket


def first_items(partner: str) -> list[Any]:
    """The first two lines of the store's third basket, for the commands that the demo prints."""
    items: list[Any] = sample_baskets(partner)[2]["orderItems"][:2]
    return items
