"""The lives of two baskets, from the first event to the last: what the publisher sends for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from adapters.jwk import from_base64url
from adapters.kafka.messages import Message
from adapters.kafka.publisher import publication_messages
from adapters.promises.jws import JwsPromiseSigner
from adapters.promises.keys import PromiseKey
from adapters.wire.example_basket import EXAMPLE_TIME, example_basket, example_verdict
from adapters.wire.example_requests import BASKET_ID, ITEM_ID
from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.basket.commands import Caller, Validated
from domain.basket.events import BasketDetails, BasketPersonalDataForgotten, OrderItem
from domain.basket.repository import new_events
from domain.basket.serialization import state_json, verdict_json
from domain.ports.event_store import StoredEvent
from domain.ports.messaging import Publication
from domain.shared.eventsourcing import fold
from domain.shared.findings import Verdict
from domain.shared.money import ExpectedPrice, Price
from domain.shared.request_span import RequestSpan
from domain.shared.values import LineOffer, Product
from domain.validation.promise import make_promise

ORDER_ID = "order-48213"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER_BASKET_ID = "basket-0198c5a2-7f00-7c3e-9a51-3a5de7f0c1ff"
_ADD_ON_ID = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c103"
_MINUTE = timedelta(minutes=1)
_PROMISE_LIFETIME = 15 * _MINUTE
_RFC_8037_KEY = "nWGxne_9WmC6hEr0kuwsERJxWl7MmkZcDusAxyuf2A0"
"""The private key that RFC 8037 prints as its example. No service signs with it."""


class _Life:
    """One basket's life. Each request is published by itself."""

    def __init__(self, basket: Basket, position: int = 0) -> None:
        self.basket = basket
        self.now = basket.modified_on
        self.position = position
        self.publications: list[Publication] = []
        self.after_request()

    def after_request(self, verdict: bytes | None = None, *, retired: bool = False) -> None:
        """Publishes what the last request did, and lets some time pass."""
        number = len({each.request for each in self.publications}) + 1
        caller = Caller("shop", "jwt:shop-backend", "visit-7c1f", f"request-{number}", TRACEPARENT)
        events = new_events(self.basket, caller)
        span = RequestSpan(self.basket.version - len(events) + 1, self.basket.version)
        recorded_at = self.now + timedelta(milliseconds=4)
        for version, event in enumerate(events, span.first):
            self.position += 1
            stored = StoredEvent(
                self.position, self.basket.id, version, event.type, event.data, event.metadata, recorded_at
            )
            self.publications.append(Publication(stored, span, verdict))
        state = None if retired else state_json(self.basket)
        self.publications[-1] = structs.replace(self.publications[-1], state=state, retired=retired)
        self.now += _MINUTE

    def validate(self, verdict: Verdict, before: Validated | None = None) -> None:
        validated = self.basket.fork()
        promised = make_promise(validated, verdict, self.now, self.now + timedelta(days=1), _PROMISE_LIFETIME)
        promise = _sign().sign(promised) if promised else None
        remedy = before.remedy if before else None
        self.basket.record_verdict(verdict, self.now, promise=promise, remedy=remedy)
        whole = Validated(validated, self.basket, verdict, promise, remedy)
        self.after_request(verdict_json(whole))


@cache
def _sign() -> JwsPromiseSigner:
    private = Ed25519PrivateKey.from_private_bytes(from_base64url(_RFC_8037_KEY))
    key = PromiseKey.of(private, EXAMPLE_TIME, EXAMPLE_TIME)
    return JwsPromiseSigner(lambda _: key, "urn:checkout:promises")


@cache
def example_publications() -> Sequence[Publication]:
    """Every kind of event, a verdict that is ready and one that is not, and a tombstone."""
    life = _Life(example_basket())
    basket = life.basket
    not_ready = example_verdict()
    life.validate(not_ready.verdict, not_ready)
    basket.change_quantity(ITEM_ID, 2, life.now)
    life.after_request()
    basket.update_details({"order_type": "new", "customer_details": {"firstName": "Grace"}}, life.now)
    basket.add_item(_add_on(), life.now)
    life.after_request()
    basket.expect_price(ITEM_ID, ExpectedPrice(amount=Decimal("12.00"), currency="GBP", interval=None), life.now)
    basket.reprice(ITEM_ID, Price(amount=Decimal("12.00"), currency="GBP"), life.now)
    life.after_request()
    basket.swap_item(_newer(basket.items[ITEM_ID]), [_ADD_ON_ID], life.now)
    life.after_request()
    life.validate(Verdict(blocked_products=(), validation_errors=(), evidence=not_ready.verdict.evidence))
    basket.complete(ORDER_ID, life.now)
    life.after_request()
    basket.reopen("the payment was declined", life.now, life.now + timedelta(days=14))
    life.after_request()
    basket.cancel("customer_left", "The customer chose another offer.", life.now)
    life.after_request()
    life.now += timedelta(days=31)
    action_id = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c1aa"
    basket.trigger_event(BasketPersonalDataForgotten, action_id=action_id, timestamp=life.now)
    life.after_request(retired=True)
    return [*life.publications, *_expired(life.position)]


def _expired(position: int) -> Sequence[Publication]:
    expires_at = EXAMPLE_TIME + timedelta(days=14)
    other = Basket.initiate(
        id=OTHER_BASKET_ID, partner="shop", details=BasketDetails(), now=EXAMPLE_TIME, expires_at=expires_at
    )
    life = _Life(other, position)
    life.now = expires_at
    other.expire(expires_at)
    life.after_request()
    return life.publications


def _add_on() -> OrderItem:
    crossword = LineOffer(id="a-7", version="v-3", name="Crossword", path="/offers/crossword", products=())
    price = Price(amount=Decimal("1.50"), currency="GBP")
    return OrderItem(id=_ADD_ON_ID, type="add_on", parent_id=ITEM_ID, quantity=2, offer=crossword, price=price)


def _newer(line: OrderItem) -> OrderItem:
    """The line with the next version of its offer."""
    products = (Product(product_code="SKU-1", path="/products/sku-1"),)
    offer = LineOffer(id="o-1", version="v-2", name="Weekly paper", path="/offers/weekly", products=products)
    return line.model_copy(update={"offer": offer, "expected_price": None})


def published_examples() -> Iterator[Message]:
    """The messages of these lives, on all topics of the publisher."""
    return publication_messages(example_publications())


def basket_after(type: str) -> Basket:
    """The first basket, after its first event of this type."""
    events = [each.event for each in example_publications() if each.event.stream_id == BASKET_ID]
    last = next(event.version for event in events if event.type == type)
    basket = fold(None, decode_all(b"[" + b",".join(event.data for event in events[:last]) + b"]"))
    assert isinstance(basket, Basket)  # noqa: S101  (for the type checker)
    return basket
