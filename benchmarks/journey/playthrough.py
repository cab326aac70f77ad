"""A week of real baskets: filled with this week's prices, validated with the next week's."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.journey import dataset, generator
from benchmarks.journey.catalogue import Row
from benchmarks.journey.gateways import Gateways, gateways, run_concurrently
from benchmarks.journey.json_lines import (
    JsonLine,
    ResumableJournal,
    basket_of,
    basket_row,
    read_lines,
    write_lines,
)
from benchmarks.journey.planted_faults import PlantedFaults, plant_faults
from benchmarks.journey.progress_bars import CONSOLE, bar, with_bar
from benchmarks.journey.records import LAST_WEEK, GroceryBasket
from benchmarks.journey.target import TargetService

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """What is played: so many baskets, filled in this week."""

    week: int
    limit: int
    callers: int = 16


class OptionsChanged(Exception):
    """The folder holds a run that was asked for something else."""


class Playthrough:
    """One run, in a folder that an interrupted one is taken up from: what was done is not done again."""

    def __init__(self, folder: Path, asked: PlayOptions) -> None:
        """Raises OptionsChanged."""
        self.folder = folder
        self.asked = asked
        self.stop = asyncio.Event()
        self.seconds: dict[str, float] = {}
        self._state_file = folder / "state.json"
        self._state: JsonLine = {"week": asked.week, "limit": asked.limit}
        if self._state_file.exists():
            known = json.loads(self._state_file.read_text())
            if known | self._state != known:
                raise OptionsChanged(f"{folder} holds another run; take another folder, or remove it")
            self._state = known

    async def play(self, service: TargetService) -> bool:
        """Whether it came to its end: every basket is validated."""
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop.set)
        baskets = self.baskets()
        await self._load(service, "catalogue", self._catalogue)
        async with gateways(service, self.asked.callers) as calling:
            whole = await self._initiate(calling, baskets)
        if whole:
            await self._load(service, "next-week", self._next_week)
            async with gateways(service, self.asked.callers) as calling:
                whole = await self._validate(calling, baskets)
        return whole and not self.stop.is_set()

    def baskets(self) -> list[GroceryBasket]:
        file = self.folder / "baskets.jsonl"
        if not file.exists():
            with CONSOLE.status("reading the data"):
                found = generator.baskets(self.asked.week, self.asked.limit)
            write_lines(file, map(basket_row, found))
        return [basket_of(row) for row in read_lines(file)]

    def planted(self) -> PlantedFaults:
        return plant_faults(self.baskets())

    def verdicts(self) -> Iterator[JsonLine]:
        return read_lines(self.folder / "verdicts.jsonl")

    async def _load(self, service: TargetService, name: str, rows: Any) -> None:
        """Loads a file of facts, made when it is needed, unless that is done."""
        if self._state.get(name) == "learned" or self.stop.is_set():
            return
        file = self.folder / f"{name}.jsonl"
        if self._state.get(name) != "written":
            write_lines(file, rows())
            self._keep(**{name: "written"})
        with self._timed(name):
            summary = await service.load(file)
        CONSOLE.print(f"{name}: {summary['learned']:,} facts learned in {self.seconds[name]:.0f} s")
        self._keep(**{name: "learned"})

    def _catalogue(self) -> Iterator[Row]:
        left_out = self.planted().left_out
        with CONSOLE.status("reading the data"):
            year = generator.year(self.asked.week)
        weeks = range(1, LAST_WEEK + 1)
        for product in with_bar("making facts", year.products, len(year.products)):
            if product.id not in left_out:
                yield from year.facts(product, weeks)

    def _next_week(self) -> Iterator[Row]:
        """A week passes, and stock changes. The service judges by the real clock, so it is said that the next
        week began just now."""
        plant_faults, year, now = self.planted(), generator.year(self.asked.week), datetime.now(UTC)
        for product in year.products:
            if product.id not in plant_faults.left_out:
                yield from year.week_begins(self.asked.week + 1, now, product.id)
        for change in plant_faults.changes:
            yield change.row()

    async def _initiate(self, calling: Gateways, baskets: list[GroceryBasket]) -> bool:
        with ResumableJournal(self.folder / "initiated.jsonl", "basket") as journal, self._timed("initiate"):
            waiting = [basket for basket in baskets if basket.id not in journal.done]
            with bar("initiating", len(baskets), len(journal.done)) as advance:

                async def initiate(basket: GroceryBasket) -> None:
                    journal.record({"basket": basket.id, "id": await calling.initiate(basket)})
                    advance(1)

                return await run_concurrently(self.asked.callers, waiting, initiate, self.stop)

    async def _validate(self, calling: Gateways, baskets: list[GroceryBasket]) -> bool:
        ids = {row["basket"]: row["id"] for row in read_lines(self.folder / "initiated.jsonl")}
        with ResumableJournal(self.folder / "verdicts.jsonl", "basket") as journal, self._timed("validate"):
            waiting = [basket for basket in baskets if basket.id not in journal.done]
            with bar("validating", len(baskets), len(journal.done)) as advance:

                async def validate(basket: GroceryBasket) -> None:
                    verdict = await calling.validate(basket.partner, ids[basket.id])
                    journal.record(verdict_row(basket.id, verdict))
                    advance(1)

                return await run_concurrently(self.asked.callers, waiting, validate, self.stop)

    def known_products(self) -> set[int]:
        return {product.id for product in dataset.products()} - self.planted().left_out

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[what] = perf_counter() - began

    def _keep(self, **more: str) -> None:
        self._state |= more
        self._state_file.write_text(json.dumps(self._state))


def verdict_row(basket: int, verdict: JsonLine) -> JsonLine:
    """What is compared of a verdict: whether it is ready, and code, severity, product and detail of each
    finding."""
    found = [*verdict["blockedProducts"], *verdict["validationErrors"]]
    return {
        "basket": basket,
        "ready": verdict["ready"],
        "findings": [[f["code"], f["severity"], _product(f), _detail(f)] for f in found],
    }


def _product(finding: JsonLine) -> int:
    return int(finding["offerId"].removeprefix("o-")) if finding["offerId"] else 0


def _detail(finding: JsonLine) -> str:
    data = finding["data"]
    match finding["code"]:
        case "price_changed":
            before = data["expectedPrice"]
            return f"{before['amount'] if before else 'none'}>{data['currentPrice']['amount']}"
        case "product_insufficient_stock":
            return f"{data['available']}/{data['requested']}"
        case _:
            return ""
