"""Plays real baskets against a changing catalogue: each remedy is sent as it stands, and the next verdict must say what
it promised."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.table import Table

from benchmarks.gateway import SocketGateway, run_concurrently
from benchmarks.journey import dataset
from benchmarks.journey.catalogue import FactRow, availability_row, offer_row, price_row
from benchmarks.journey.json_lines import write_lines
from benchmarks.journey.progress_bars import CONSOLE, bar
from benchmarks.journey.records import GroceryBasket, offer_id
from benchmarks.journey.target import TargetService, own_service

Verdict = dict[str, Any]

ROUNDS = 3
"""So often the catalogue changes, and all baskets are validated and mended."""


@dataclass
class PlayedRemedies:
    """What became of the remedies; `broken` describes those that did not lead to what they said."""

    counts: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("", "count", title="remedies that were sent as they stand")
        for name, count in sorted(self.counts.items()):
            table.add_row(name, f"{count:,}")
        for name, count in sorted(self.actions.items()):
            table.add_row(f"action {name}", f"{count:,}")
        table.add_row("did not lead to what they said", f"{len(self.broken):,}")
        return table


class ChangingCatalogue:
    """Plain offers of some products at first; then each change makes some of them odd. The changes depend on `dice`
    alone."""

    def __init__(self, products: Sequence[int], dice: random.Random) -> None:
        self._products = products
        self._dice = dice
        self._sequence = 1

    def first(self) -> Iterator[FactRow]:
        for product in self._products:
            yield offer_row(product, f"Product {product}")
            yield price_row(product, self._amount())
            yield availability_row(product)

    def change(self) -> Iterator[FactRow]:
        """The facts of one change; about a third of the products get one."""
        self._sequence += 1
        for product in self._products:
            yield from self._changed(product)
        yield self._policy()

    def _changed(self, product: int) -> Iterator[FactRow]:
        sequence, offer = self._sequence, {**offer_row(product, f"Product {product}"), "sequence": self._sequence}
        match self._dice.randrange(36):
            case 0 | 1:
                yield price_row(product, self._amount(), sequence)
            case 2 | 3:
                version = f"v-{sequence}"
                yield {**offer, "version": version, "quantity": self._dice.choice([None, self._rule()])}
                if self._dice.random() < 0.8:
                    yield {**price_row(product, self._amount(), sequence), "offerVersion": version}
            case 4:
                yield {**offer, "status": self._dice.choice(["withdrawn", "draft"])}
            case 5:
                yield {**offer, "countries": ["DE"]}
            case 6 | 7:
                yield {**offer, "quantity": self._rule()}
            case 8:
                others = [offer_id(self._dice.choice(self._products)) for _ in range(20)]
                yield {**offer, "incompatibleWith": others}
            case 9 | 10:
                yield availability_row(product, quantity=self._dice.randint(0, 3), sequence=sequence)
            case 11:
                status = self._dice.choice(["out_of_stock", "discontinued", "blocked"])
                yield availability_row(product, status, None, sequence=sequence)
            case 12:
                yield {**offer, "addOnTo": [offer_id(self._dice.choice(self._products))]}
            case _:
                pass

    def _policy(self) -> FactRow:
        return {
            "kind": "policy",
            "maximumLines": self._dice.choice([None, 60]),
            "maximumTotal": [{"amount": self._dice.choice(["80.00", "150.00"]), "currency": "USD"}],
            "sequence": self._sequence,
        }

    def _rule(self) -> dict[str, int]:
        least = self._dice.randint(1, 3)
        rules = [{"min": least, "step": least}, {"max": self._dice.randint(1, 4)}, {"step": 2}, {"min": 2, "max": 6}]
        return self._dice.choice(rules)

    def _amount(self) -> str:
        return f"{self._dice.randint(10, 2_000) / 100:.2f}"


class RemedyPlay:
    """Baskets of one service, each with its id there."""

    def __init__(self, gateway: SocketGateway, callers: int) -> None:
        self._gateway = gateway
        self._callers = callers
        self._ids: dict[int, str] = {}
        self.played = PlayedRemedies()

    async def initiate(self, baskets: Sequence[GroceryBasket]) -> None:
        with bar("initiating", len(baskets), 0) as advance:

            async def initiate(basket: GroceryBasket) -> None:
                self._ids[basket.id] = await self._gateway.initiate(basket)
                advance(1)

            await run_concurrently(self._callers, baskets, initiate, asyncio.Event())

    async def mend(self, baskets: Sequence[GroceryBasket], name: str) -> None:
        with bar(name, len(baskets), 0) as advance:

            async def mend(basket: GroceryBasket) -> None:
                await self._mend(basket.partner, self._ids[basket.id])
                advance(1)

            await run_concurrently(self._callers, baskets, mend, asyncio.Event())

    async def _mend(self, partner: str, id: str) -> None:
        """Sends remedies until there is none; a basket of at most 200 errors needs one."""
        verdict = await self._validate(partner, id)
        self.played.counts["verdicts"] += 1
        self.played.counts["ready at once" if verdict["ready"] else "not ready"] += 1
        while (remedy := verdict["remedy"]) is not None:
            await self._update(partner, id, remedy)
            after = await self._validate(partner, id)
            self._count(remedy, after, id)
            verdict = after

    def _count(self, remedy: Verdict, after: Verdict, id: str) -> None:
        counts, promised = self.played.counts, remedy["leadsTo"]
        counts["remedies"] += 1
        if promised["ready"]:
            counts["remedies that lead to a ready basket"] += 1
        elif promised["remaining"] == ["basket_empty"]:
            counts["remedies that lead to an empty basket"] += 1
        self.played.actions.update(action["orderItemActionType"] for action in remedy["orderItemActions"])
        said = {
            "ready": after["ready"],
            "total": after["checkout"]["total"],
            "remaining": sorted({each["code"] for each in (*after["blockedProducts"], *after["validationErrors"])}),
        }
        if said != promised:
            self.played.broken.append(f"{id}: {promised} was promised, {said} came")

    async def _validate(self, partner: str, id: str) -> Verdict:
        verdict: Verdict = json.loads(await self._gateway.validate(partner, id))
        return verdict

    async def _update(self, partner: str, id: str, remedy: Verdict) -> None:
        headers = (
            "Cookie: landing_state=" + quote(json.dumps({"basketId": id})),
            f"If-Match: {remedy['ifMatch']}",
            "Prefer: handling=strict",
        )
        body = {"orderItemActions": remedy["orderItemActions"]}
        await self._gateway.call(partner, "PUT", "/partner/checkout/update", *headers, body=body)


def known_products(baskets: Sequence[GroceryBasket]) -> list[int]:
    return sorted({line.product for basket in baskets for line in basket.lines})


async def play_remedies(limit: int, week: int, callers: int, folder: Path) -> PlayedRemedies:
    """Plays so many baskets against a `checkout up` of its own, which keeps nothing."""
    with CONSOLE.status("reading the data"):
        baskets = dataset.baskets(week, limit)
    catalogue = ChangingCatalogue(known_products(baskets), random.Random(week))
    async with own_service(None) as service, SocketGateway(service) as gateway:
        play = RemedyPlay(gateway, callers)
        await _load(service, folder / "catalogue.jsonl", catalogue.first())
        await play.initiate(baskets)
        for number in range(1, ROUNDS + 1):
            await _load(service, folder / f"change-{number}.jsonl", catalogue.change())
            await play.mend(baskets, f"mending, change {number}")
    return play.played


async def _load(service: TargetService, file: Path, rows: Iterator[FactRow]) -> None:
    write_lines(file, rows)
    summary = await service.load(file)
    CONSOLE.print(f"{file.name}: {summary['learned']:,} facts recorded")
