"""What a case works with: calls, baskets of its own, offers, and what it knows of the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from cli.conformance.answer import CallAnswer
from cli.conformance.client import CallLog, Headers, ServiceCall, ServiceClient
from cli.conformance.failures import CaseNotRun, Deviation
from cli.conformance.kafka_side import KafkaSide
from cli.conformance.offers import OwnCatalogue, SuiteOffers
from cli.conformance.options import OfferVersion, SuiteOptions

LIST = "/partner/checkout"
INITIATE = "/partner/checkout/initiate"
UPDATE = "/partner/checkout/update"

Body = dict[str, Any]

T = TypeVar("T")


def order_path(basket_id: str) -> str:
    return f"/partner/checkout/{basket_id}"


def validate_path(basket_id: str) -> str:
    return f"/partner/checkout/validate/{basket_id}"


def cancel_path(basket_id: str) -> str:
    return f"/partner/checkout/cancel/{basket_id}"


def line(offer: OfferVersion | str, quantity: int | None = None, **members: Any) -> Body:
    """An item of an initiate. An offer that is only a name is unknown to every catalogue."""
    offer = OfferVersion(offer, "v-1") if isinstance(offer, str) else offer
    counted = {} if quantity is None else {"quantity": quantity}
    return {"offer": {"id": offer.id, "version": offer.version}, **counted, **members}


def add(offer: OfferVersion | str, quantity: int | None = None, **members: Any) -> Body:
    return {"orderItemActionType": "add", **line(offer, quantity, **members)}


def action(kind: str, **members: Any) -> Body:
    return {"orderItemActionType": kind, **members}


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """What all cases of a run share. `id` is part of every external id and key that it makes."""

    id: str
    options: SuiteOptions
    client: ServiceClient
    offers: SuiteOffers | None = None
    kafka: KafkaSide | None = None


class CaseContext:
    """One case's view of the run. Its baskets are cancelled when it ends."""

    def __init__(self, run: SuiteRun, case_id: str) -> None:
        self.options = run.options
        self.log = CallLog()
        self._run = run
        self._case_id = case_id
        self._numbers = count(1)
        self._baskets: dict[str, SecretStr] = {}

    @property
    def kafka(self) -> KafkaSide:
        """The topics, for a case that needs them."""
        return _there(self._run.kafka)

    @property
    def offers(self) -> SuiteOffers:
        """Sellable offers, for a case that needs them."""
        return _there(self._run.offers)

    @property
    def own_catalogue(self) -> OwnCatalogue:
        """The suite's own offers, for a case that needs them."""
        return _there(self.offers.own)

    @property
    def other_token(self) -> SecretStr:
        return _there(self.options.other_token)

    @property
    def other_scope_token(self) -> SecretStr:
        return _there(self.options.other_scope_token)

    @property
    def overload_answers(self) -> Sequence[CallAnswer]:
        """The answers 429 and 503 of the whole run until now."""
        return self._run.client.overload_answers

    def name(self, what: str = "x") -> str:
        """A name that nobody else has: an external id, a key, an offer that no catalogue knows."""
        return f"conformance-{self._run.id}-{self._case_id}-{what}-{next(self._numbers)}"

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | Headers = (),
        *,
        token: SecretStr | None = None,
        anonymous: bool = False,
        patient: bool = True,
    ) -> CallAnswer:
        """The answer to a call with the token of the run, or another, or none. Baskets that it makes are noted."""
        listed = [*headers.items()] if isinstance(headers, dict) else headers
        used = None if anonymous else token or self.options.token
        answer = await self._run.client.send(ServiceCall(method, path, body, listed, used), self.log, patient=patient)
        if path.startswith(INITIATE) and answer.status == 200 and used is not None:
            self._note_basket(answer.text, used)
        return answer

    async def initiate(self, order: Body, headers: dict[str, str] | Headers = (), **how: Any) -> CallAnswer:
        return await self.send("POST", INITIATE, {"order": order}, headers, **how)

    async def begin(self, *items: Body, token: SecretStr | None = None, **details: Any) -> str:
        """The id of a new basket with an external id of its own."""
        order = {"external_id": self.name("order"), **self.market, **details, "orderItems": [*items]}
        answer = (await self.initiate(order, token=token)).expect_status(200)
        return str(answer.json["id"])

    @property
    def market(self) -> Body:
        """The country and currency in which the offers are sold."""
        return {"country": self.options.country, "currency": self.options.currency}

    def landing_state(self, basket_id: str) -> dict[str, str]:
        """The header with the cookie that points to the basket."""
        value = quote(json.dumps({"basketId": basket_id}, separators=(",", ":")), safe="")
        return {"Cookie": f"{self.options.landing_cookie}={value}"}

    async def update(
        self, basket_id: str, *actions: Body, headers: dict[str, str] | None = None, query: str = "", **how: Any
    ) -> CallAnswer:
        everything = {**self.landing_state(basket_id), **(headers or {})}
        return await self.send("PUT", UPDATE + query, {"orderItemActions": [*actions]}, everything, **how)

    async def get(self, basket_id: str, headers: dict[str, str] | None = None, **how: Any) -> CallAnswer:
        return await self.send("GET", order_path(basket_id), None, headers or {}, **how)

    async def order(self, basket_id: str) -> Any:
        """The order as it is."""
        return (await self.get(basket_id)).expect_status(200).json["order"]

    async def validate(self, basket_id: str, headers: dict[str, str] | None = None, **how: Any) -> CallAnswer:
        return await self.send("POST", validate_path(basket_id), None, headers or {}, **how)

    async def cancel(
        self, basket_id: str, reason: object = "conformance", headers: dict[str, str] | None = None, **how: Any
    ) -> CallAnswer:
        return await self.send("POST", cancel_path(basket_id), {"reason": reason}, headers or {}, **how)

    def expect(self, holds: object, expected: str, came: str) -> None:
        """Raises Deviation unless it holds; for what is not about one answer."""
        if not holds:
            raise Deviation(expected, came)
        self.log.expected.append(expected)

    async def clean_up(self) -> Sequence[str]:
        """Cancels the case's baskets. Returns the ids of those that may still be open."""
        left: list[str] = []
        unlogged = CallLog()
        for basket_id, token in self._baskets.items():
            call = ServiceCall("POST", cancel_path(basket_id), {"reason": {"code": "conformance"}}, (), token)
            try:
                status = (await self._run.client.send(call, unlogged)).status
            except CaseNotRun:
                status = 0
            if status not in (200, 409):
                left.append(basket_id)
        return left

    def _note_basket(self, text: str, token: SecretStr) -> None:
        try:
            basket_id = json.loads(text)["id"]
        except (ValueError, TypeError, KeyError):
            return
        if isinstance(basket_id, str):
            self._baskets[basket_id] = token


def _there(value: T | None) -> T:
    if value is None:
        raise CaseNotRun("a case must name what it needs")
    return value
