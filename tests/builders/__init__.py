"""Baskets, commands, facts and a whole checkout in memory, with defaults for values that a test does not care about."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.basket.basket import Basket
from domain.basket.codec import encode
from domain.basket.commands import (
    Action,
    AddItem,
    Caller,
    CancelBasket,
    ChangeQuantity,
    ClearItems,
    ExpectPrice,
    IfMatch,
    InitiateBasket,
    Preconditions,
    RemoveItem,
    RequestedItem,
    SwapItem,
    UpdateBasket,
    UpdateDetails,
    ValidateBasket,
)
from domain.basket.decision import BasketLimits, CheckoutConfig, DecisionContext
from domain.basket.events import BasketDetails, BasketPersonalDataForgotten, OrderItem
from domain.basket.lister import BasketLister
from domain.basket.projection import BasketProjection
from domain.basket.repository import BasketRepository
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.epochs import FactMessage
from domain.catalogue.facts import AvailabilityFact, Fact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.ports.event_store import Append, AppendOutcome, NewEvent
from domain.ports.promises import PromiseSigner
from domain.shared.eventsourcing import DomainEvent
from domain.shared.money import ExpectedPrice, Price
from domain.shared.values import Clock, LineOffer, MessageSource, OfferRef, Product
from tests.builders.direct_handlers import DirectHandlers, direct_handlers
from tests.builders.stored_events import decode_stored
from tests.fakes.basket_list import InMemoryBasketList
from tests.fakes.basket_views import InMemoryBasketViews
from tests.fakes.catalogue import InMemoryCatalogue
from tests.fakes.event_store import InMemoryEventStore

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIFETIME = timedelta(days=14)
PARTNER = "acme"


@dataclass
class FixedClock:
    """A clock that only the test advances."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, duration: timedelta) -> None:
        self.now += duration


@dataclass
class SequentialIds:
    """Ids in the form of a UUID, counted from 1."""

    last: int = 0

    def __call__(self) -> str:
        self.last += 1
        return item_id(self.last)


def item_id(number: int) -> str:
    """The id that SequentialIds returns at this count."""
    return str(UUID(int=(7 << 76) | (2 << 62) | number))


def caller(partner: str = PARTNER, **values: str) -> Caller:
    given = {
        "actor": "client-1",
        "correlation_id": "correlation-1",
        "causation_id": "causation-1",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    return Caller(partner=partner, **{**given, **values})


def ref(offer: str = "o-1") -> OfferRef:
    """An offer version written as `id` or `id@version`; the default version is v-1."""
    id, _, version = offer.partition("@")
    return OfferRef(id=id, version=version or "v-1")


def money(amount: str = "10.00", currency: str = "GBP", interval: str | None = None) -> Price:
    return Price(amount=Decimal(amount), currency=currency, interval=interval)


def expected(price: Price) -> ExpectedPrice:
    """The price as a caller expects it who names the interval of a recurring price only."""
    if isinstance(price, ExpectedPrice):
        return price
    return ExpectedPrice.of(price).model_copy(update={"any_interval": price.interval is None})


def _expected_price(values: dict[str, Any]) -> dict[str, Any]:
    price = values.get("expected_price")
    return values if price is None else {**values, "expected_price": expected(price)}


def offer(
    offer: str = "o-1", *, products: Iterable[str] = ("SKU-1",), each_product: int = 1, **values: Any
) -> OfferFact:
    """One offer needs `each_product` of each of its products."""
    named = ref(offer)
    given: dict[str, Any] = {
        "id": named.id,
        "version": named.version,
        "name": f"Offer {named.id}",
        "path": f"/offers/{named.id}",
        "products": [
            Product(product_code=code, path=f"/products/{code.lower()}", quantity=each_product).model_dump()
            for code in products
        ],
        "status": "published",
        "sequence": 1,
    }
    return OfferFact.model_validate({**given, **values})


def price(offer: str = "o-1", amount: str = "10.00", currency: str = "GBP", **values: Any) -> PriceFact:
    named = ref(offer)
    given: dict[str, Any] = {
        "offer_id": named.id,
        "offer_version": named.version,
        "currency": currency,
        "amount": amount,
        "sequence": 1,
    }
    return PriceFact.model_validate({**given, **values})


def availability(product_code: str = "SKU-1", **values: Any) -> AvailabilityFact:
    given: dict[str, Any] = {"product_code": product_code, "status": "available", "sequence": 1}
    return AvailabilityFact.model_validate({**given, **values})


def policy(partner: str | None = PARTNER, **values: Any) -> PolicyFact:
    return PolicyFact.model_validate({"partner": partner, "sequence": 1, **values})


def catalogue(*facts: Fact) -> Catalogue:
    return Catalogue(facts)


def details(**values: Any) -> BasketDetails:
    given: dict[str, Any] = {"external_id": None, "country": "GB", "currency": "GBP"}
    return BasketDetails.model_validate({**given, **values})


def item(offer: str = "o-1", quantity: int = 1, **values: Any) -> RequestedItem:
    return RequestedItem(ref(offer), quantity, **_expected_price(values))


def add(offer: str = "o-1", quantity: int = 1, **values: Any) -> AddItem:
    return AddItem(item(offer, quantity, **values))


def remove(id: str) -> RemoveItem:
    return RemoveItem(id)


def change(id: str, quantity: int, expected_price: Price | None = None) -> ChangeQuantity:
    return ChangeQuantity(id, quantity, None if expected_price is None else expected(expected_price))


def swap(id: str, offer: str, quantity: int | None = None) -> SwapItem:
    return SwapItem(id, ref(offer), quantity)


def clear() -> ClearItems:
    return ClearItems()


def update_details(**changes: Any) -> UpdateDetails:
    return UpdateDetails(changes)


def expect_price(id: str, price: Price) -> ExpectPrice:
    return ExpectPrice(id, expected(price))


def line(
    id: str = "line-1",
    offer: str = "o-1",
    quantity: int = 1,
    *,
    price: Price | None = None,
    products: Iterable[str] = ("SKU-1",),
    **values: Any,
) -> OrderItem:
    named = ref(offer)
    return OrderItem(
        id=id,
        type=values.pop("type", "add_on" if "parent_id" in values else "offer"),
        quantity=quantity,
        offer=LineOffer(
            id=named.id,
            version=named.version,
            name=f"Offer {named.id}",
            path=f"/offers/{named.id}",
            products=tuple(Product(product_code=code) for code in products),
        ),
        price=price if price is not None else money(),
        **_expected_price(values),
    )


def unpriced(line: OrderItem) -> OrderItem:
    return line.model_copy(update={"price": None})


def basket(*lines: OrderItem, partner: str = PARTNER, id: str | None = None, **given: Any) -> Basket:
    """An open basket with these lines and no uncollected events."""
    basket = Basket.initiate(
        id=id or basket_id(),
        partner=partner,
        details=details(**given),
        now=NOW,
        expires_at=NOW + LIFETIME,
    )
    for each in lines:
        basket.add_item(each, NOW)
    basket.collect()
    return basket


def basket_id(number: int = 1) -> str:
    return f"basket-{item_id(number)}"


def decision_context(
    basket: Basket,
    catalogue: Catalogue | None = None,
    *,
    limits: BasketLimits | None = None,
    now: datetime = NOW,
) -> DecisionContext:
    """A decision on a fork of the basket."""
    return DecisionContext(
        basket.fork(),
        catalogue or Catalogue(),
        SequentialIds(),
        now,
        limits or BasketLimits(),
    )


def initiate(*items: RequestedItem, **values: Any) -> InitiateBasket:
    command = {name: values.pop(name) for name in ("checkout_id", "landing_basket_id") if name in values}
    preconditions = Preconditions(values.pop("if_match", None), values.pop("if_none_match", None))
    return InitiateBasket(details=details(**values), items=items, preconditions=preconditions, **command)


def update(basket_id: str, *actions: Action, if_match: IfMatch | None = None) -> UpdateBasket:
    return UpdateBasket(basket_id, actions, Preconditions(if_match))


def validate(basket_id: str, if_match: IfMatch | None = None) -> ValidateBasket:
    return ValidateBasket(basket_id, Preconditions(if_match))


def cancel(basket_id: str, code: str = "customer_left", **values: Any) -> CancelBasket:
    return CancelBasket(basket_id, code, values.get("text"), Preconditions(values.get("if_match")))


def at_version(*versions: int) -> IfMatch:
    return IfMatch(frozenset(versions))


class InterruptedStore(InMemoryEventStore):
    """A store that runs `before_append` once, just before the next append."""

    before_append: Callable[[], Awaitable[object]] | None = None

    async def append(self, append: Append) -> AppendOutcome:
        interruption, self.before_append = self.before_append, None
        if interruption is not None:
            await interruption()
        return await super().append(append)


@dataclass
class CheckoutProcess:
    """One process of the service: its handlers and its cached baskets."""

    handlers: DirectHandlers
    baskets: BasketRepository


@dataclass
class InMemoryCheckout:
    """A whole checkout in memory. Each `process()` has a cache of its own; they share the store."""

    clock: FixedClock = field(default_factory=FixedClock)
    ids: SequentialIds = field(default_factory=SequentialIds)
    policy: CheckoutConfig = field(default_factory=CheckoutConfig)
    make_store: Callable[[Clock], InMemoryEventStore] = InMemoryEventStore
    signer: PromiseSigner | None = None
    facts: InMemoryCatalogue = field(default_factory=InMemoryCatalogue)

    def __post_init__(self) -> None:
        self.store = self.make_store(self.clock)
        self.views = InMemoryBasketViews()
        self.main = self.process()

    def share(self, other: InMemoryCheckout) -> None:
        """Works on the other's store and catalogue, with a policy of its own."""
        self.store, self.facts = other.store, other.facts
        self.main = self.process()

    def process(self) -> CheckoutProcess:
        baskets = BasketRepository(self.store)
        return CheckoutProcess(
            direct_handlers(self.store, baskets, self.facts, self.clock, self.ids, self.policy, self.signer), baskets
        )

    @property
    def lister(self) -> BasketLister:
        """The list of baskets. `project` moves its views forward."""
        found, baskets = InMemoryBasketList(self.views), BasketRepository(self.store, cache_lines=0)
        return BasketLister(found, baskets, self.clock, timedelta(hours=1))

    async def project(self) -> None:
        """Moves all views to the last events."""
        projection = BasketProjection(self.store, self.views)
        for basket_id in {event.stream_id for event in await self.store.read(0, sys.maxsize)}:
            await projection.refold(basket_id)

    @property
    def handlers(self) -> DirectHandlers:
        return self.main.handlers

    async def record(self, *facts: Fact) -> None:
        await self.facts.record(
            [FactMessage(fact, MessageSource("test", 0, offset)) for offset, fact in enumerate(facts)]
        )

    async def forget(self, basket_id: str) -> None:
        """Appends the event that erases the basket's personal data."""
        version = len(await self.history(basket_id))
        await self.store.append(Append(basket_id, version, [forgotten(basket_id, version, self.clock(), self.ids())]))

    async def history(self, basket_id: str) -> list[DomainEvent]:
        """The basket's stored events."""
        return decode_stored(await self.store.read_events(basket_id))


def forgotten(basket_id: str, version: int, now: datetime, action_id: str) -> NewEvent:
    """The event that erases the personal data of a basket at this version."""
    event = BasketPersonalDataForgotten(
        originator_id=basket_id, originator_version=version + 1, timestamp=now, action_id=action_id
    )
    return NewEvent(event.TOPIC, encode(event), b'{"partner":"acme"}')


def quantities(basket: Basket) -> dict[str, int]:
    """The quantity of each offer version, over all lines."""
    found: dict[str, int] = {}
    for each in basket.items.values():
        name = f"{each.offer.id}@{each.offer.version}"
        found[name] = found.get(name, 0) + each.quantity
    return found
