"""A whole service in this process, with everything that the suite may need: three tokens, a catalogue, promises."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
from pydantic import SecretStr

from adapters.kafka.catalogue_messages import fact_message
from adapters.promises.jws import JwsPromiseSigner
from adapters.promises.keys import PromiseKeySet, public_jwks
from cli.conformance.case import Case
from cli.conformance.client import ServiceClient
from cli.conformance.context import SuiteRun
from cli.conformance.options import SuiteOptions
from cli.conformance.run import SuiteReport, run_cases
from cli.conformance.session import with_own_catalogue
from domain.basket.lister import BasketLister, ListedBaskets
from domain.basket.projection import BasketProjection
from domain.catalogue.epochs import FactMessage, Tombstone
from domain.catalogue.facts import Fact
from domain.ports.basket_list import BasketFilter
from domain.shared.values import MessageSource
from tests.api.service import RIVAL, SHOP, Service, settings_in
from tests.builders import FixedClock, InMemoryCheckout

URL = "https://checkout.test"


class RunningClock(FixedClock):
    """The time of this machine: the suite compares with its own."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


class FreshLister(BasketLister):
    """Lists from views that follow every change at once."""

    def __init__(self, checkout: InMemoryCheckout, lister: BasketLister) -> None:
        self._store = checkout.store
        self._projection = BasketProjection(checkout.store, checkout.views)
        self._lister = lister
        self._position = 0

    async def page(self, wanted: BasketFilter, cursor: str | None, limit: int) -> ListedBaskets:
        events = await self._store.read(self._position, sys.maxsize)
        position = self._position + len(events)
        for basket_id in {event.stream_id for event in events}:
            await self._projection.refold(basket_id)
        self._position = max(self._position, position)
        return await self._lister.page(wanted, cursor, limit)


class ListedCheckout(InMemoryCheckout):
    """A checkout whose lists are fresh."""

    @property
    def lister(self) -> BasketLister:
        return FreshLister(self, super().lister)


class PlayedService:
    """Also writes the catalogue: the suite's offers are known at once."""

    def __init__(self, folder: Path) -> None:
        clock = RunningClock()
        self.keys = PromiseKeySet([]).with_new_key(clock(), timedelta())
        self.checkout = ListedCheckout(clock=clock, signer=JwsPromiseSigner(self.keys.signing_at, "urn:played"))
        self.service = Service(
            settings_in(folder),
            checkout=self.checkout,
            public_jwks=lambda: public_jwks(tuple(self.keys.published_at(clock()))),
        )
        self._offsets = count()

    @property
    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.service.app, raise_app_exceptions=False)

    @property
    def options(self) -> SuiteOptions:
        token = self.service.token
        return SuiteOptions(
            url=URL,
            token=SecretStr(token()),
            other_token=SecretStr(token(RIVAL)),
            other_scope_token=SecretStr(token(scope="operator")),
            organisation=SHOP,
        )

    async def open_baskets(self) -> set[str]:
        await self.checkout.project()
        return {view.basket_id for view in self.checkout.views.all() if view.status == "open"}

    async def publish(self, facts: Sequence[Fact]) -> None:
        await self.checkout.facts.record([FactMessage(fact, self._place(), _key(fact)) for fact in facts])

    async def withdraw(self, facts: Sequence[Fact]) -> None:
        at = datetime.now(UTC)
        await self.checkout.facts.record([Tombstone(fact.kind, _key(fact), self._place(), at) for fact in facts])

    def _place(self) -> MessageSource:
        return MessageSource("played", 0, next(self._offsets))


def _key(fact: Fact) -> bytes | None:
    return fact_message(fact).key


async def run_suite(
    played: PlayedService, cases: Sequence[Case], transport: httpx.AsyncBaseTransport | None = None
) -> SuiteReport:
    """Runs the cases against the service, by a proxy if one is given."""
    client = ServiceClient(played.options, transport or played.transport)
    run = SuiteRun(secrets.token_hex(4), played.options, client)
    async with aclosing(client), with_own_catalogue(run, played) as complete:
        return SuiteReport(URL, run.id, await run_cases(complete, cases), 0.0)
